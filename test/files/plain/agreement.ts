import { LineCounter } from 'yaml'
import type { Path } from '../../../src/files/fault.ts'
import { readPlain } from '../../../src/files/plain/plain.ts'
import { readYaml } from '../../../src/files/yaml.ts'
import { isDeepStrictEqual } from 'node:util'

export type Agreement = 'left to yaml' | 'same' | `differs: ${string}`

/** Holds what the plain reader makes of a text against what `yaml` makes of it: values, faults and every place. */
export function agreement(text: string): Agreement {
  const plain = readPlain(text)
  if (plain === undefined) return 'left to yaml'
  const lines = new LineCounter()
  lines.addNewLine(0)
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1)
  const place = (offset: number) => `${lines.linePos(offset).line}:${lines.linePos(offset).col}`
  const { documents, faults } = readYaml('f', text)
  if (plain.twice.length > 0 || faults.length > 0) {
    const [ours, theirs] = [
      plain.twice.map(offset => `${place(offset)} Map keys must be unique`).sort(), faults.map(({ line, column, message }) => `${line}:${column} ${message}`).sort(),
    ]
    // Of a name whose first value is empty, or ends with an empty item, yaml points behind that first one, not at the second.
    const behindNothing = faults.some(({ line, column, message }) => message === 'Map keys must be unique' && /[:-][ \t]*$/.test(text.split('\n')[line - 1]?.slice(0, column - 1) ?? ''))
    const alike = behindNothing ? ours.length === theirs.length && theirs.every(fault => fault.endsWith('Map keys must be unique')) : isDeepStrictEqual(ours, theirs)
    return alike ? 'same' : `differs: faults ${JSON.stringify({ ours, theirs })}`
  }
  if (documents.length !== plain.documents.length) return `differs: ${plain.documents.length} documents instead of ${documents.length}`
  for (const [index, document] of documents.entries()) {
    const ours = plain.documents[index]!
    if (!isDeepStrictEqual(ours.value, document.value)) return `differs: ${JSON.stringify({ ours: ours.value, theirs: document.value })}`
    for (const path of pathsIn(document.value)) {
      for (const atKey of [false, true]) {
        const { line, column } = document.locate({ path, message: '', atKey })
        const at = place(ours.offsetOf(path, atKey))
        if (at !== `${line}:${column}`) return `differs: ${JSON.stringify(path)} ${atKey ? 'its name ' : ''}is at ${at} instead of ${line}:${column}`
      }
    }
  }
  return 'same'
}

/** Every place, and one beside each. */
function pathsIn(value: unknown, path: Path = []): Path[] {
  const inside = typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, child]) => pathsIn(child, [...path, Array.isArray(value) ? Number(name) : name]))
    : []
  return [path, [...path, 'no such', 0], ...inside]
}
