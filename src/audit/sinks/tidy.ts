import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { asideSuffixes, listAside, type Aside } from './aside.ts'

export interface TidyOptions {
  /** How many files put aside are kept. */
  readonly keep: number
  /** Milliseconds that a file is kept since it was put aside; undefined: as `keep` says alone. */
  readonly keepFor?: number | undefined
  readonly compress?: boolean | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Ends it between two files, or in the middle of one, which is then as before. */
  readonly signal?: AbortSignal
}

/** Deletes what was put aside too long ago or is too much, and compresses the rest. */
export async function tidy(path: string, { keep, keepFor = Infinity, compress = false, now, signal }: TidyOptions): Promise<void> {
  const aside = await listAside(path)
  const kept = aside.filter(({ at }, index) => index >= aside.length - keep && now - at < keepFor)
  for (const { files } of aside.filter(each => !kept.includes(each))) {
    for (const file of files) await rm(file, { force: true })
  }
  if (!compress) return
  for (const each of kept) {
    if (signal?.aborted === true) return
    await pack(each, signal)
  }
}

/** Whole under its new name before the old one goes: a crash in between leaves both, and the next time one goes. */
async function pack({ path, files }: Aside, signal: AbortSignal | undefined): Promise<void> {
  if (!files.includes(path)) return
  const packed = `${path}${asideSuffixes.packed}`
  if (!files.includes(packed)) {
    const part = `${packed}.part`
    try {
      await pipeline(createReadStream(path), createGzip(), createWriteStream(part, { mode: 0o600, flush: true }), signal === undefined ? {} : { signal })
      await rename(part, packed)
    } catch (error) {
      await rm(part, { force: true })
      if (signal?.aborted === true) return
      throw error
    }
  }
  await rm(path, { force: true })
}
