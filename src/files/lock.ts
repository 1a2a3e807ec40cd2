import { randomBytes } from 'node:crypto'
import { link, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface LockOptions {
  /** Milliseconds to wait for another command to be done. */
  readonly patience?: number
}

/**
 * Does a piece of work on a file while no other command does: `<file>.lock` is there
 * meanwhile. One that was left behind by a process that is gone, of this machine and container, is taken over.
 */
export async function withLock<T>(file: string, work: () => Promise<T>, { patience = 10_000 }: LockOptions = {}): Promise<T> {
  const lock = `${file}.lock`
  const deadline = performance.now() + patience
  const mine = `${process.pid} ${hostname()} ${(await lookAt(process.pid))?.born ?? '-'} ${await namespaceOfPids()} ${randomBytes(8).toString('hex')}`
  while (!await take(lock, mine)) {
    if (performance.now() > deadline) throw new Error(`${lock} is held by another command; remove it if there is none`)
    await breakStale(lock, deadline)
    await sleep(10 + Math.random() * 20)
  }
  try {
    await removeDrafts(lock)
    return await work()
  } finally {
    await rm(lock, { force: true })
  }
}

// Linked into place, so that a lock is never seen without its owner in it.
async function take(lock: string, owner: string): Promise<boolean> {
  const draft = `${lock}.${owner.split(' ').at(-1)}`
  await writeFile(draft, owner)
  try {
    await link(draft, lock)
    return true
  } catch (error) {
    // ENOENT: swept away by another as left behind.
    if (['EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

/**
 * Under a lock of its own, so that of two that find a stale one none removes what the other has
 * taken since: nobody but its owner removes a lock otherwise, and this one's owner is gone.
 */
async function breakStale(lock: string, deadline: number): Promise<void> {
  if (!await isStale(lock)) return
  await withLock(`${lock}.break`, async () => {
    if (await isStale(lock)) await rm(lock, { force: true })
  }, { patience: deadline - performance.now() })
}

async function isStale(lock: string): Promise<boolean> {
  const owner = await readFile(lock, 'utf8').catch(() => undefined)
  return owner !== undefined && isGone(owner)
}

async function isGone(owner: string): Promise<boolean> {
  const [pid = '', host, born, namespace] = owner.split(' ')
  // Two containers may have one name (a pod's), and count their processes each for itself: of another's nothing can be known.
  if (host !== hostname() || namespace !== await namespaceOfPids()) return false
  try {
    process.kill(Number(pid), 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
  const found = await lookAt(Number(pid))
  if (found === undefined) return false
  // Its number may be another's by now.
  return found.dead || (born !== '-' && found.born !== born)
}

/** pid_namespaces(7): `pid:[4026531836]`; - where there is none. */
function namespaceOfPids(): Promise<string> {
  return readlink('/proc/self/ns/pid').catch(() => '-')
}

interface Look {
  /** In ticks since the machine was started. */
  readonly born: string
  /** Killed, and its parent has not asked yet. */
  readonly dead: boolean
}

/** Undefined where /proc does not tell. */
async function lookAt(pid: number): Promise<Look | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // proc(5): state is the 3rd, starttime the 22nd; the 2nd is a name in parentheses that may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state = '', born] = [fields[0], fields[19]]
  return born === undefined ? undefined : { born, dead: /^[ZX]/.test(state) }
}

/** What is left of a process that was killed while it took the lock. */
async function removeDrafts(lock: string): Promise<void> {
  const name = `${basename(lock)}.`
  const drafts = (await readdir(dirname(lock))).filter(file => file.startsWith(name) && /^(break\.lock\.)*[0-9a-f]{16}$/.test(file.slice(name.length)))
  for (const draft of drafts.map(file => join(dirname(lock), file))) {
    const owner = await readFile(draft, 'utf8').catch(() => undefined)
    if (owner === '' || (owner !== undefined && await isGone(owner))) await rm(draft, { force: true })
  }
}
