import { basename } from 'node:path'
import { readLink } from './chain-link.ts'
import { eachLine } from './chain-lines.ts'

/** Files of one log, oldest first, in whatever order they are given. Rejects where one cannot be read. */
export async function inOrder(files: readonly string[]): Promise<string[]> {
  const times = files.map(timeOf)
  // By their names where these are ours: they say it even where the lines were tampered with.
  const named = new Set(times.map(({ log }) => log)).size === 1 && new Set(times.map(({ time }) => time)).size === files.length
  const keys = named ? times.map(({ time }) => time) : await Promise.all(files.map(beginOf))
  return files.map((file, index) => ({ file, key: keys[index] ?? 0 })).sort((a, b) => a.key - b.key).map(({ file }) => file)
}

const aside = /^(.*)-(\d{4}-\d\d-\d\dT)(\d\d)-(\d\d)-(\d\d\.\d{3})(\.[^.]*|)$/

/** When a file was put aside; the one that is written still is the newest. */
function timeOf(file: string): { readonly log: string, readonly time: number } {
  const name = basename(file).replace(/\.gz$/, '')
  const [, log = '', day = '', hour = '', minute = '', second = '', extension = ''] = aside.exec(name) ?? []
  const time = Date.parse(`${day}${hour}:${minute}:${second}Z`)
  return Number.isNaN(time) ? { log: name, time: Infinity } : { log: `${log}${extension}`, time }
}

const enough = new Error('enough')

/** Where in the chain a file begins, by most of its first three lines: one that was tampered with does not move the file. */
async function beginOf(file: string): Promise<number> {
  const begins: number[] = []
  let line = 0
  await eachLine(file, (bytes) => {
    const link = readLink(bytes)
    if (link !== undefined) begins.push(link.sequence - line)
    line += 1
    if (begins.length === 3) throw enough
  }).catch((error: unknown) => { if (error !== enough) throw error })
  return begins.sort((a, b) => a - b)[Math.floor(begins.length / 2)] ?? 0
}
