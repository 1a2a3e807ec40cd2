import type { Path } from '../fault.ts'
import { BlockReader } from './block-reader.ts'
import type { Places } from './flow-reader.ts'
import { unusual } from './scalars.ts'

/** A document of a text in the plain part of YAML. */
export interface PlainDocument {
  readonly value: unknown
  /** Where the piece at a path begins, or its name; as deep as the path leads. */
  offsetOf(path: Path, atKey: boolean): number
}

export interface PlainText {
  /** Without the empty ones. */
  readonly documents: readonly PlainDocument[]
  /** Where names begin that their mapping has already. */
  readonly twice: readonly number[]
}

/** The lists of a document's top, whose items' places are noted; what is deeper is read again when it is asked for. */
const noted = 2

/**
 * Reads the part of YAML that callers files are written in, JSON among it, many times as
 * fast as `yaml` and with little memory: one line strings, numbers and words, [] and {},
 * mappings and lists by indentation, comments, several documents. Undefined where there is
 * anything else (anchors, tags, block scalars, …) or anything wrong: `yaml` is asked then.
 * What it does read it reads as `yaml` does, to the letter and the column; a test holds both
 * against each other.
 */
export function readPlain(text: string): PlainText | undefined {
  const reader = new BlockReader({ text, noting: noted })
  const documents: PlainDocument[] = []
  try {
    for (let next = reader.nextDocument(); next !== null; next = reader.nextDocument()) {
      if (next !== undefined) documents.push(toDocument(text, next.value, next.start, reader.places))
    }
    return { documents, twice: reader.twice }
  } catch (error) {
    if (error !== unusual) throw error
    return undefined
  }
}

interface Step {
  readonly value: unknown
  readonly at: number
  readonly places: ReadonlyMap<object, Places>
}

function toDocument(text: string, value: unknown, start: number, places: ReadonlyMap<object, Places>): PlainDocument {
  const root: Step = { value, at: start, places }
  // What is said of an entry is often said at several places of it.
  let last: Step | undefined
  const read = (step: Step, parent: Places): Step => {
    if (last?.at !== step.at) last = readAgain(text, step.at, parent)
    return last
  }
  return {
    value,
    offsetOf(path, atKey) {
      let step = root
      let parent: Places | undefined
      for (const [depth, part] of path.entries()) {
        if (typeof step.value !== 'object' || step.value === null) return step.at
        if (!step.places.has(step.value) && parent !== undefined) step = read(step, parent)
        const inside = step.places.get(step.value as object)
        const at = inside && placeOf(inside, part, atKey && depth === path.length - 1)
        if (inside === undefined || at === undefined) return step.at
        parent = inside
        step = { value: (step.value as Record<string, unknown>)[part], at, places: step.places }
      }
      return step.at
    },
  }
}

function readAgain(text: string, at: number, { flow, indent }: Places): Step {
  const reader = new BlockReader({ text, at, noting: Infinity })
  return { at, value: flow ? reader.flowValue(indent, true) : reader.piece(indent), places: reader.places }
}

function placeOf({ values, names }: Places, part: string | number, key: boolean): number | undefined {
  if (Array.isArray(values)) return values[Number(part)]
  return key ? names.get(String(part)) : values.get(String(part))
}
