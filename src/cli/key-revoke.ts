import { timingSafeEqual } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { WrittenCaller, WrittenKey } from '../callers/schema.ts'
import type { StoredCallers } from '../callers/store.ts'
import { digestKey, readKey } from '../keys/key.ts'
import { openStore, type CallersDeps } from './callers-deps.ts'
import { formatTime, stateOf } from './key-life.ts'
import { write } from './output.ts'
import { runCommand, UsageError } from './run-command.ts'

export interface KeyRevokeArgs {
  readonly configFile: string
  /** The id of a key; `-` reads it, or the key itself, from stdin. */
  readonly id: string
}

export interface KeyRevokeDeps extends CallersDeps {
  readonly stdin: Readable
}

/** An id is 8 characters, a key 62; whatever is longer is something else. */
const longest = 4096

/**
 * `portcullis key revoke`: the key opens nothing any more, from the next reload on, within a second.
 * Returns the exit code: 0 done or revoked before, 1 a fault in what was given, 2 wrong usage.
 */
export function keyRevokeCommand({ configFile, id: given }: KeyRevokeArgs, deps: KeyRevokeDeps): Promise<number> {
  return runCommand('key revoke', deps.stderr, async () => {
    if (/pcl_/i.test(given)) {
      throw new UsageError('a key on a command line is in the lists of processes and in the shell\'s history: give its id, the 8 characters between its underscores, '
        + 'or the key on stdin: portcullis key revoke - < FILE')
    }
    const wanted = given === '-' ? readWanted(await readAll(deps.stdin)) : { id: given, key: undefined }
    const { store } = await openStore(configFile, deps)
    const said: { done?: string } = {}
    const where = await store.change((current) => {
      const { caller, key } = findKey(current, wanted)
      const was = key.revokedAt
      said.done = was === undefined ? `key ${key.id} of caller ${caller.name} is revoked` : `key ${key.id} of caller ${caller.name} is revoked already, since ${was}`
      if (was !== undefined) return []
      if (stateOf(key, deps.now()) === 'expired') said.done += `; it had expired at ${key.expiresAt}`
      return [{ kind: 'set-key', caller: caller.name, id: key.id, fields: { revokedAt: formatTime(deps.now()) } }]
    })
    await write(deps.stderr, `${said.done}${where === '' ? '' : `, in ${where}`}\n`)
    return 0
  })
}

interface Wanted {
  readonly id: string
  /** The key itself, where that was given. */
  readonly key: string | undefined
}

async function readAll(stdin: Readable): Promise<string> {
  let text = ''
  for await (const chunk of stdin) {
    text += String(chunk)
    if (text.length > longest) break
  }
  return text.trim()
}

/** What was read is not repeated: it may be nearly a key. */
function readWanted(text: string): Wanted {
  const reading = readKey(text)
  if (reading.kind === 'key') return { id: reading.id, key: text }
  if (reading.kind === 'mistyped') throw new Error('what stdin holds begins like a key, but its checksum or its length is wrong: give the id, the 8 characters between the underscores')
  if (!/^[0-9A-Za-z]{8}$/.test(text)) throw new UsageError('stdin holds neither a key nor the id of one')
  return { id: text, key: undefined }
}

function findKey({ callers }: StoredCallers, { id, key: whole }: Wanted): { caller: WrittenCaller, key: WrittenKey } {
  for (const { value: caller } of callers) {
    const key = caller.keys.find(key => key.id === id)
    if (key === undefined) continue
    if (whole !== undefined && !timingSafeEqual(digestKey(whole), Buffer.from(key.sha256, 'hex'))) {
      throw new Error(`the key with the id ${id} is another one than that on stdin, which opens nothing. If it is to be revoked all the same: portcullis key revoke ${id}`)
    }
    return { caller, key }
  }
  throw new Error(`there is no key with the id ${JSON.stringify(id)}: portcullis key list shows them all`)
}
