import type { Caller, CallerDefinition } from '../model/caller.ts'
import type { Question, ShadowDenial, Verdict } from '../model/verdict.ts'

/** A definition is a new object after every change: what it would be is made, and compiled, once. */
const tried = new WeakMap<CallerDefinition, CallerDefinition>()

/**
 * Judges what was allowed once more: as if the caller's shadow scopes were in force, in place of what they
 * replace. It only ever says that they would deny it, never lets anything through, and costs nothing for a caller without any.
 */
export function createShadow(authorize: (caller: Caller, question: Question) => Verdict): (caller: Caller, question: Question) => ShadowDenial | undefined {
  return (caller, question) => {
    const { shadow } = caller.definition
    if (shadow === undefined) return undefined
    const verdict = authorize({ ...caller, definition: asIf(caller.definition, shadow.grants) }, question)
    return verdict.allowed ? undefined : { reason: verdict.reason, scopes: shadow.scopes }
  }
}

function asIf(definition: CallerDefinition, grants: CallerDefinition['grants']): CallerDefinition {
  let made = tried.get(definition)
  if (made === undefined) tried.set(definition, made = { ...definition, grants, shadow: undefined })
  return made
}
