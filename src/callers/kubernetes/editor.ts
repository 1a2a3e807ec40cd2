import { soundWithout } from '../../files/fault.ts'
import { checkSchema } from '../../files/schema.ts'
import { asFields } from '../../json-fields.ts'
import type { CallersChange, CallersStore, Stored, StoredCallers } from '../store.ts'
import { callerSchema, type WrittenCaller, type WrittenKey } from '../schema.ts'
import { ApiFailure, create, replace, type ApiObject, type StoreApi } from './api.ts'
import { callerSpec } from './definitions.ts'
import { longForm } from './long-form.ts'
import { apiVersion, placeOf, type Plural } from './names.ts'
import { checkCallerObject, checkScopeObject, type Checked, type CheckContext } from './objects.ts'
import { readObjects, type StoreObjects } from './read.ts'

export interface EditorOptions extends CheckContext {
  readonly api: StoreApi
}

/** How often it is decided anew where others write at the same time; each time one of them has got on. */
const mostAttempts = 20

/**
 * Callers in the Kubernetes API, for the commands. A write names the version that was read, so that nothing
 * is lost: where it is no longer the last one, all is read and decided anew. A faulty caller is there as far as
 * it is sound, whatever its fault (a whole key was pasted into it): its keys must be revocable all the same.
 */
export function createKubernetesEditor(options: EditorOptions): CallersStore {
  const { api, namespace } = options
  return {
    read: async () => storedOf(await readObjects(api, namespace), options),
    async change(decide) {
      for (let attempt = 1; ; attempt += 1) {
        const objects = await readObjects(api, namespace)
        const changes = decide(storedOf(objects, options))
        const [first] = changes
        if (first === undefined) return ''
        const name = nameOf(first)
        if (changes.some(change => nameOf(change) !== name)) throw new TypeError('the changes of one call are of one caller')
        try {
          await write(options, objects.callers.find(({ metadata }) => metadata.name === name), name, changes)
          return placeOf('callers', namespace, name)
        } catch (error) {
          if (!(error instanceof ApiFailure) || error.statusCode !== 409 || attempt === mostAttempts) throw error
        }
      }
    },
  }
}

function storedOf({ callers, scopes }: StoreObjects, context: EditorOptions): StoredCallers {
  return {
    callers: callers.map(object => stored('callers', object, soundPart(checkCallerObject(object, context)), context)),
    scopes: scopes.flatMap((object) => {
      const { shape, value } = checkScopeObject(object, context)
      return shape.length === 0 ? [stored('scopes', object, value, context)] : []
    }),
  }
}

function stored<T>(plural: Plural, { metadata: { name } }: ApiObject, value: T, { namespace }: EditorOptions): Stored<T> {
  return { value, where: placeOf(plural, namespace, name) }
}

/** The fields that the schema has nothing against, and of the keys each that is sound by itself. */
function soundPart({ name, value, entry }: Checked<WrittenCaller>): WrittenCaller {
  if (entry.sound([])) return value
  const fields = Object.entries(value).filter(([field]) => field !== 'keys' && entry.sound([field]))
  const { value: { keys }, findings } = checkSchema(callerSchema, { name, keys: value.keys })
  const sound = soundWithout(findings)
  const rest = checkSchema(callerSchema, { ...Object.fromEntries(fields), name }).value
  return { ...rest, keys: Array.isArray(keys) ? keys.filter((_, index) => sound(['keys', index])) : [] }
}

function nameOf(change: CallersChange): string {
  return change.kind === 'add-caller' ? change.caller.name : change.caller
}

async function write({ api, namespace }: EditorOptions, object: ApiObject | undefined, name: string, changes: readonly CallersChange[]): Promise<void> {
  const spec = changes.reduce<object | undefined>(changed, object === undefined ? undefined : asFields(object.spec))
  if (spec === undefined) throw new Error(`there is no caller ${name}`)
  if (object !== undefined) await replace(api, 'callers', namespace, { ...object, spec })
  else await create(api, 'callers', namespace, { apiVersion, kind: 'Caller', metadata: { name, namespace }, spec })
}

/** The spec after a change; undefined where there is no such caller. */
function changed(spec: object | undefined, change: CallersChange): object | undefined {
  switch (change.kind) {
    case 'add-caller': return specOf(change.caller)
    case 'add-key': return spec === undefined ? undefined : { ...spec, keys: [...keysOf(spec), change.key] }
    case 'set-key': return spec === undefined ? undefined : {
      ...spec, keys: keysOf(spec).map(key => key.id === change.id ? { ...key, ...change.fields } : key),
    }
  }
}

function keysOf(spec: object): readonly WrittenKey[] {
  const keys = asFields(spec)['keys']
  return Array.isArray(keys) ? keys as WrittenKey[] : []
}

function specOf({ name: _, ...fields }: Partial<WrittenCaller>): object {
  return asFields(longForm(fields, callerSpec))
}
