import { randomBytes } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

export interface LockOptions {
  /** Milliseconds to wait for another command to be done. */
  readonly patience?: number
}

/**
 * Does a piece of work on a file while no other command does: `<file>.lock` is there
 * meanwhile. One that was left behind by a process of this machine that is gone is taken over.
 */
export async function withLock<T>(file: string, work: () => Promise<T>, { patience = 10_000 }: LockOptions = {}): Promise<T> {
  const lock = `${file}.lock`
  const deadline = performance.now() + patience
  const mine = `${process.pid} ${hostname()} ${randomBytes(8).toString('hex')}`
  while (!await take(lock, mine)) {
    if (performance.now() > deadline) throw new Error(`${lock} is held by another command; remove it if there is none`)
    await breakStale(lock)
    await sleep(10 + Math.random() * 20)
  }
  try {
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
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

async function breakStale(lock: string): Promise<void> {
  const owner = await readFile(lock, 'utf8').catch(() => undefined)
  if (owner === undefined || !isGone(owner)) return
  // Moved aside before it is removed: of two that find it, only one moves it. Where it is
  // a newer one by now, it goes back.
  const aside = `${lock}.${randomBytes(6).toString('hex')}`
  await rename(lock, aside).catch(() => undefined)
  const moved = await readFile(aside, 'utf8').catch(() => owner)
  if (moved !== owner) await link(aside, lock).catch(() => undefined)
  await rm(aside, { force: true })
}

function isGone(owner: string): boolean {
  const [pid = '', host] = owner.split(' ')
  if (host !== hostname()) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
