import { yamlScalar } from '../../authorize/quoted.ts'
import type { CallerDefinition } from '../../model/caller.ts'

export interface Next {
  readonly caller: string
  /** Of the scope. */
  readonly name: string
  readonly isShadow: boolean
  /** Undefined: the caller is in no file. */
  readonly today: CallerDefinition | undefined
}

/** What to do with the scope, for people. */
export function nextSteps({ caller, name, isShadow, today }: Next): string[] {
  const scope = yamlScalar(name)
  const who = yamlScalar(caller)
  if (isShadow) {
    return [
      `To try it out: give caller ${who} scopes: ${heldScopes(today).length === 0 ? `[${scope}]` : `[…, ${scope}]`}, beside what it holds.`,
      `What it would deny, portcullis audit show --caller ${who} --would-deny lists.`,
    ]
  }
  const held = [...heldScopes(today).map(yamlScalar), ...today?.grants.some(({ scope }) => scope === null) === true ? ['its own rules'] : []]
  if (held.join() === scope) return [`To use it: nothing more is to be done once it is in force, caller ${who} holds ${scope} already.`]
  return [`To use it: give caller ${who} scopes: [${scope}]${held.length === 0 ? '' : ` in place of ${held.join(', ')}`}.`]
}

function heldScopes(today: CallerDefinition | undefined): string[] {
  return [...new Set(today?.grants.flatMap(({ scope }) => scope ?? []))]
}
