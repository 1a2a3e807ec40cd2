import { byPosition } from '../../files/fault.ts'
import type { Entries } from '../entries.ts'
import type { LoadedCallers } from '../load.ts'
import { listAll, type ApiObject, type StoreApi } from './api.ts'
import { Assembly } from './assemble.ts'
import { holdCaller, holdScope } from './held.ts'
import { checkCallerObject, checkScopeObject, type CheckContext } from './objects.ts'

/** What a namespace has of both. */
export interface StoreObjects {
  readonly callers: readonly ApiObject[]
  readonly scopes: readonly ApiObject[]
}

/** As it is now. Rejects with ApiFailure or ProxyError. */
export async function readObjects(api: StoreApi, namespace: string): Promise<StoreObjects> {
  const [scopes, callers] = await Promise.all([listAll(api, 'scopes', namespace), listAll(api, 'callers', namespace)])
  return { scopes: scopes.items, callers: callers.items }
}

/** What `serve` would have in force if it started now: a faulty object is left out, and holds nobody else up. */
export function assembleObjects({ callers, scopes }: StoreObjects, context: CheckContext): LoadedCallers {
  const heldScopes = scopes.map(object => holdScope(checkScopeObject(object, context), undefined))
  const heldCallers = callers.map(object => holdCaller(checkCallerObject(object, context), object, undefined, context.now))
  const made = new Assembly().assemble(heldCallers, heldScopes)
  return {
    callers: made.callers, scopes: made.scopes, keys: made.keys,
    faults: byPosition([...made.scopeFaults.values(), ...made.callerFaults.values()].flat()),
    warnings: byPosition([...heldScopes, ...heldCallers].flatMap(({ checked }) => checked.warnings)),
  }
}

/** As the pieces of a file, to be held against each other as those are. */
export function entriesOf({ callers, scopes }: StoreObjects, context: CheckContext): Entries {
  const checkedScopes = scopes.map(object => checkScopeObject(object, context))
  const checkedCallers = callers.map(object => checkCallerObject(object, context))
  return {
    scopes: checkedScopes.map(({ entry }) => entry),
    callers: checkedCallers.map(({ entry }) => entry),
    faults: [...checkedScopes, ...checkedCallers].flatMap(({ shape }) => shape),
  }
}
