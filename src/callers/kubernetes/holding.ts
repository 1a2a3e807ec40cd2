import { setImmediate as nextTurn } from 'node:timers/promises'
import { forgetSpec, type ApiObject } from './api.ts'
import type { Held } from './held.ts'
import { isSameState } from './objects.ts'

/** As many checks as take some milliseconds; between them requests have their turn. */
const slice = 50

/** Only of what is held by now: what came in between is still to be checked. */
export function forgetChecked(objects: readonly ApiObject[], held: ReadonlyMap<string, Held<unknown>>): void {
  for (const object of objects) if (isSameState(held.get(object.metadata.name)?.checked, object)) forgetSpec(object)
}

/** Of every object there is; what did not change is not checked again. */
export async function heldOf<T>(objects: readonly ApiObject[], before: ReadonlyMap<string, Held<T>>, hold: (object: ApiObject, before: Held<T> | undefined) => Held<T>): Promise<Map<string, Held<T>>> {
  const held = new Map<string, Held<T>>()
  let fresh = 0
  for (const object of objects) {
    const known = before.get(object.metadata.name)
    if (known !== undefined && isSameState(known.checked, object)) {
      held.set(object.metadata.name, known)
      continue
    }
    held.set(object.metadata.name, hold(object, known))
    fresh += 1
    if (fresh % slice === 0) await nextTurn()
  }
  return held
}
