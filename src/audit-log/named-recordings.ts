import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Place } from './chain-fault.ts'
import { judgeLine } from './event.ts'

/** A recording as an event names it. */
export interface NamedRecording {
  readonly name: string
  /** Hex; undefined where the event says none. */
  readonly sha256: string | undefined
  readonly at: Place
}

export interface CheckedRecordings {
  /** Files that are as the events say. */
  readonly sound: number
  readonly changed: readonly NamedRecording[]
  /** Deleted for their age, or taken away. */
  readonly missing: readonly NamedRecording[]
  /** Files of the folder that no event of these names; one that ends in `.part` was never finished, or is being written. */
  readonly unnamed: readonly string[]
}

const mark = Buffer.from('"portcullis.dev/recording":')

/** Collects the recordings that a log names, line by line: each once, as its last event does. */
export class NamedRecordings {
  readonly #all = new Map<string, NamedRecording>()

  /** A line without its line break, which is only good until this returns. */
  take(line: Buffer, at: Place): void {
    if (!line.includes(mark)) return
    const judged = judgeLine(line.toString())
    if (!('event' in judged)) return
    const { annotations = {} } = judged.event
    const name = annotations['portcullis.dev/recording']
    // What leads out of the folder is no name of ours.
    if (name === undefined || name !== basename(name) || name.startsWith('.')) return
    this.#all.set(name, { name, sha256: annotations['portcullis.dev/recording-sha256'], at })
  }

  /** Holds the files of the folder against them. Rejects where it, or one of them, cannot be read. */
  async check(folder: string): Promise<CheckedRecordings> {
    const there = new Set((await readdir(folder, { withFileTypes: true })).filter(entry => !entry.isDirectory()).map(({ name }) => name))
    const missing = [...this.#all.values()].filter(({ name }) => !there.has(name))
    const changed: NamedRecording[] = []
    let sound = 0
    for (const named of this.#all.values()) {
      // Of one that could not be finished there is no hash.
      if (!there.has(named.name) || named.sha256 === undefined) continue
      if (await hashOf(join(folder, named.name)) === named.sha256) sound += 1
      else changed.push(named)
    }
    return { sound, changed, missing, unnamed: [...there].filter(name => !this.#all.has(name)).sort() }
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
