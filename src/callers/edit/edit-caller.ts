import { isMap, isSeq } from 'yaml'
import type { YAMLMap } from 'yaml'
import { findCaller } from './find-caller.ts'
import { appendToField, setField } from './insert.ts'
import { applySplices } from './piece.ts'
import type { Piece, Splice } from './piece.ts'
import type { Plan } from './plan.ts'

/**
 * The text of a file in which a caller has gained keys, and keys of it have other fields: every
 * other byte is what it was. Undefined where it is written in a way that none of this is sure of;
 * the result is to be read back, all the same.
 */
export function editCaller(whole: Piece, plan: Plan): string | undefined {
  const found = findCaller(whole, plan.caller)
  if (found === undefined) return undefined
  const { piece, at, node } = found
  const splices = changeKeys(piece, node, plan)
  return splices === undefined ? undefined : applySplices(whole.text, splices.map(splice => ({ ...splice, at: splice.at + at })))
}

function changeKeys(piece: Piece, caller: YAMLMap, { keys, fields }: Plan): Splice[] | undefined {
  const list = caller.get('keys', true) as unknown
  const written = isSeq(list) ? list.items.filter(isMap) : []
  const splices: Splice[] = []
  for (const [id, values] of fields) {
    const key = written.find(item => item.get('id') === id)
    if (key === undefined) return undefined
    for (const [name, value] of Object.entries(values)) splices.push(...setField(piece, key, name, value))
  }
  if (keys.length > 0) splices.push(...appendToField(piece, caller, 'keys', isSeq(list) ? list : undefined, keys))
  return splices
}
