import type { WrittenKey } from '../schema.ts'
import type { CallersChange, NewCaller } from '../store.ts'

type KeyFields = (CallersChange & { kind: 'set-key' })['fields']

/** What the changes of one call do to their one caller, taken together. */
export interface Plan {
  readonly caller: string
  /** It is to be made, with its keys. */
  readonly made: NewCaller | undefined
  /** To be added to a caller that is there. */
  readonly keys: readonly WrittenKey[]
  /** By the id of a key that is there. */
  readonly fields: ReadonlyMap<string, KeyFields>
}

/** Throws where the changes are of more than one caller: they would not be in one file. */
export function planOf(changes: readonly CallersChange[]): Plan | undefined {
  const names = [...new Set(changes.map(nameOf))]
  const [caller] = names
  if (caller === undefined) return undefined
  if (names.length > 1) throw new Error(`changes of several callers at once: ${names.join(', ')}`)
  let made: NewCaller | undefined
  const keys: WrittenKey[] = []
  const fields = new Map<string, KeyFields>()
  for (const change of changes) {
    switch (change.kind) {
      case 'add-caller':
        made ??= change.caller
        break
      case 'add-key':
        keys.push(change.key)
        break
      case 'set-key':
        fields.set(change.id, { ...fields.get(change.id), ...change.fields })
        break
    }
  }
  if (made === undefined) return { caller, made, keys, fields }
  const withKeys = keys.length === 0 ? made : { ...made, keys: [...made.keys ?? [], ...keys] }
  return { caller, made: withKeys, keys: [], fields }
}

function nameOf(change: CallersChange): string {
  return change.kind === 'add-caller' ? change.caller.name : change.caller
}

/** The keys of a caller once they are changed so. */
export function changedKeys(before: readonly WrittenKey[], { keys, fields }: Plan): WrittenKey[] {
  return [...before.map(key => ({ ...key, ...fields.get(key.id) })), ...keys]
}
