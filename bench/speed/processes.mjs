// What a family of processes takes, as the kernel counts it (proc(5)).
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { clearTimeout, setTimeout } from 'node:timers'
import { setTimeout as pause } from 'node:timers/promises'

/** Microseconds of a tick of /proc/PID/stat (USER_HZ is 100 on every Linux that node runs on). */
const tick = 10_000

/** The core of whoever is measured, and that of everybody else, as `taskset` takes them; undefined where there is one alone. */
export const cores = availableParallelism() > 1 ? { measured: '0', others: '1', both: '0,1' } : undefined

/** The command line that keeps a program on its core. */
export function pinned(command, args, core = cores?.measured) {
  return core === undefined ? [command, args] : ['taskset', ['-c', core, command, ...args]]
}

/** Keeps a part of the benchmark itself off the core of whoever is measured; returns it. */
export function aside(part) {
  if (cores !== undefined) execFileSync('taskset', ['-a', '-p', '-c', cores.others, String(part.pid)])
  return part
}

/** A process and all that it started. */
export function familyOf(pid) {
  const parents = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    const fields = statOf(Number(name))
    return fields === undefined ? [] : [[Number(name), Number(fields[1])]]
  })
  const family = [pid]
  for (const member of family) family.push(...parents.filter(([, parent]) => parent === member).map(([child]) => child))
  return family
}

/** Microseconds that they have run, as users and within the kernel. */
export function processorTime(pids) {
  return pids.reduce((sum, pid) => {
    const fields = statOf(pid)
    return fields === undefined ? sum : sum + (Number(fields[11]) + Number(fields[12])) * tick
  }, 0)
}

/** The part of it within the kernel. */
export function kernelTime(pids) {
  return pids.reduce((sum, pid) => sum + Number(statOf(pid)?.[12] ?? 0) * tick, 0)
}

/** Bytes resident, what they share counted once. */
export function memory(pids) {
  return pids.reduce((sum, pid) => sum + kilobytes(pid, 'smaps_rollup', 'Pss') * 1024, 0)
}

/** Bytes, the most that was resident since `forgetPeak`. */
export function peakMemory(pids) {
  return pids.reduce((sum, pid) => sum + kilobytes(pid, 'status', 'VmHWM') * 1024, 0)
}

export function forgetPeak(pids) {
  for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

function kilobytes(pid, file, field) {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.[1] ?? 0)
}

/** Behind the name in brackets, which may hold anything. */
function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** Seconds to the first connection: on a machine that does other things as well. */
const patience = 30

/** Starts a program in `folder`, what it says into files there; resolves when `port` takes connections. */
export async function launch(command, args, { folder, port, env, core }) {
  const output = openSync(join(folder, 'output'), 'a')
  const [program, words] = pinned(command, args, core)
  const child = spawn(program, words, { cwd: folder, stdio: ['ignore', output, output], ...env === undefined ? {} : { env } })
  closeSync(output)
  let failed
  child.once('error', (error) => { failed = error })
  try {
    for (const until = Date.now() + patience * 1000; !await takesConnections(port); await pause(20)) {
      if (failed !== undefined) throw failed
      if (hasEnded(child)) throw new Error(`${command} ended with ${child.exitCode ?? child.signalCode}: ${lastWords(folder)}`)
      if (Date.now() > until) throw new Error(`${command} did not listen within ${patience} seconds: ${lastWords(folder)}`)
    }
  } catch (error) {
    if (failed === undefined) await stop(child)
    throw error
  }
  return { port, pid: child.pid, stop: () => stop(child) }
}

/** What a program in this folder said last. */
export function lastWords(folder) {
  return readFileSync(join(folder, 'output'), 'utf8').slice(-2000)
}

function hasEnded({ exitCode, signalCode }) {
  return exitCode !== null || signalCode !== null
}

async function stop(child) {
  if (hasEnded(child)) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const tooLong = setTimeout(() => child.kill('SIGKILL'), 3000)
  await gone
  clearTimeout(tooLong)
}

function takesConnections(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false)).once('connect', () => socket.destroy())
  })
}
