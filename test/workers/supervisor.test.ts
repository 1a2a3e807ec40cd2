import t from 'tap'
import { Channel } from '../../src/workers/channel.ts'
import type { ToPrimary, ToWorker } from '../../src/workers/messages.ts'
import { Supervisor, type WorkerProcess } from '../../src/workers/supervisor.ts'
import { Clock } from '../support/manual-clock.ts'
import { Queue } from '../support/queue.ts'
import { wires } from '../support/wires.ts'

/** A process in the hands of the test. */
interface Forked {
  readonly told: Queue<ToWorker>
  say(message: ToPrimary): void
  end(how: number | string): void
  killed: boolean
}

function start(workers: number) {
  const clock = new Clock(0)
  const forks = new Queue<Forked>()
  const log: string[] = []
  const events: string[] = []
  const note = (_facts: object, message: string) => { log.push(message) }
  const fork = (): WorkerProcess => {
    const [near, far] = wires()
    const told = new Queue<ToWorker>()
    far.on('message', (message: ToWorker) => told.put(message))
    let end: (how: number | string) => void = () => {}
    const ended = new Promise<number | string>((resolve) => { end = resolve })
    const forked: Forked = { told, say: message => far.send(message, () => {}), end, killed: false }
    forks.put(forked)
    return { pid: 1, channel: new Channel(near), ended, kill() { forked.killed = true; end('SIGKILL') } }
  }
  const supervisor = new Supervisor({
    workers, fork, now: clock.now, schedule: (ms, run) => clock.schedule(run, ms), log: { info: note, error: note },
    startOf: (worker, port) => ({ kind: 'start', worker, workers, port, started: {} as never, config: {} as never }),
    attach: worker => events.push(`attach ${worker}`), died: worker => events.push(`died ${worker}`), onRestart: () => events.push('restart'),
  })
  const serve = async (forked: Forked, port = 8443) => {
    forked.say({ kind: 'ready' })
    const message = await forked.told.take()
    forked.say({ kind: 'listening', port })
    return message
  }
  return { supervisor, clock, forks, events, log, serve }
}

/** Messages and what follows from them have passed. */
async function settled() {
  for (let i = 0; i < 5; i += 1) await new Promise(setImmediate)
}

async function started(workers: number) {
  const all = start(workers)
  const starting = all.supervisor.start()
  const forked = []
  for (let i = 0; i < workers; i += 1) {
    const next = await all.forks.take()
    await all.serve(next)
    forked.push(next)
  }
  t.equal(await starting, 8443)
  all.events.length = 0
  return { ...all, forked }
}

t.test('the first worker begins alone, the others when it serves', async (t) => {
  const { supervisor, forks, serve } = start(3)
  const starting = supervisor.start()
  const first = await forks.take()
  await settled()
  t.equal(forks.size, 0)
  t.match(await serve(first), { kind: 'start', worker: 1, workers: 3 })
  const others = [await forks.take(), await forks.take()]
  t.strictSame((await Promise.all(others.map(other => serve(other)))).map(message => message.kind === 'start' && message.worker), [2, 3])
  t.equal(await starting, 8443)
})

t.test('what keeps one from starting is what the start rejects with, and none is left', async (t) => {
  const fault = { file: 'f', line: 1, column: 2, path: '', message: 'bad' }
  for (const [faults, error] of [[[], { name: 'Error', message: 'EADDRINUSE' }], [[fault], { name: 'FaultsError', message: 'f:1:2 bad' }]] as const) {
    const { supervisor, forks } = start(2)
    const starting = t.rejects(supervisor.start(), error)
    const first = await forks.take()
    first.say({ kind: 'failed', message: 'EADDRINUSE', faults })
    await settled()
    first.end(1)
    await starting
    t.equal(forks.size, 0)
  }
})

t.test('one that ends without a word fails the start too', async (t) => {
  const { supervisor, forks } = start(2)
  const starting = t.rejects(supervisor.start(), { message: 'worker 1 ended before it served (SIGSEGV)' })
  ;(await forks.take()).end('SIGSEGV')
  await starting
})

t.test('who dies is replaced at once, with its number, after it is written off; it is no worker meanwhile', async (t) => {
  const { supervisor, clock, forks, events, serve, forked: [first] } = await started(2)
  clock.advance(60_000)
  first!.end('SIGKILL')
  await settled()
  t.strictSame(supervisor.workers().map(({ channel }) => channel !== undefined), [false, true])
  clock.advance(0)
  const next = await forks.take()
  t.strictSame(events, ['died 1', 'restart', 'attach 1'])
  t.match(await serve(next), { worker: 1, port: 0 })
  await settled()
  t.strictSame(supervisor.workers().map(({ channel }) => channel !== undefined), [true, true])
})

t.test('who dies again and again, soon after its start, is replaced less and less often, and at once after a life', async (t) => {
  const { clock, forks, serve, forked: [first] } = await started(2)
  const waits = []
  let current = first!
  for (let i = 0; i < 6; i += 1) {
    current.end(1)
    await settled()
    const before = clock.now()
    while (forks.size === 0 && clock.now() - before < 100_000) clock.advance(500)
    waits.push(clock.now() - before)
    current = await forks.take()
    await serve(current)
    await settled()
  }
  t.strictSame(waits, [500, 1000, 2000, 4000, 8000, 16_000], 'in steps of half a second')
  clock.advance(10_000)
  current.end(1)
  await settled()
  clock.advance(0)
  t.equal(forks.size, 1)
})

t.test('a replacement that cannot start is tried again, and counts as one that died soon', async (t) => {
  const { clock, forks, events, log, forked: [first] } = await started(2)
  clock.advance(60_000)
  first!.end(1)
  await settled()
  clock.advance(0)
  for (const wait of [0, 1000, 2000]) {
    const next = await forks.take()
    next.say({ kind: 'failed', message: 'callers.yaml is bad', faults: [] })
    await settled()
    next.end(1)
    await settled()
    if (wait > 0) clock.advance(wait - 1)
    t.equal(forks.size, 0)
    clock.advance(wait === 0 ? 0 : 1)
    t.equal(forks.size, 1)
  }
  t.equal(log.filter(line => line === 'a worker could not start: it is tried again').length, 3)
  t.equal(events.filter(event => event === 'restart').length, 1, 'one died, however often its place was tried')
})

t.test('a replacement that failed keeps its place until it has ended, and is killed where it does not', async (t) => {
  const { supervisor, clock, forks, events, serve, forked: [first] } = await started(2)
  clock.advance(60_000)
  first!.end(1)
  await settled()
  clock.advance(0)
  const failed = await forks.take()
  failed.say({ kind: 'failed', message: 'callers.yaml is bad', faults: [] })
  await settled()
  clock.advance(9_999)
  t.notOk(failed.killed)
  t.equal(forks.size, 0, 'no other while it is there')
  clock.advance(1)
  t.ok(failed.killed)
  await settled()
  clock.advance(0)
  await serve(await forks.take())
  await settled()
  t.strictSame(events, ['died 1', 'restart', 'attach 1', 'died 1', 'attach 1'])
  t.strictSame(supervisor.workers().map(({ channel }) => channel !== undefined), [true, true])
  clock.advance(60_000)
  t.ok(forks.size === 0 && events.length === 5, 'the end of the failed one takes nothing from it')
})

t.test('where all are gone the port is opened again by its number', async (t) => {
  const { clock, forks, serve, forked } = await started(2)
  clock.advance(60_000)
  for (const worker of forked) worker.end('SIGKILL')
  await settled()
  clock.advance(0)
  t.match(await serve(await forks.take()), { port: 8443 })
})

t.test('a drain tells all, waits for the last, and replaces none', async (t) => {
  const { supervisor, clock, forks, forked } = await started(2)
  let drained = false
  const draining = supervisor.drain({ notice: 1, patience: 60_000 }).then(() => { drained = true })
  for (const worker of forked) t.strictSame(await worker.told.take(), { kind: 'drain', notice: 1, patience: 60_000 })
  forked[0]!.end(0)
  await settled()
  clock.advance(60_000)
  t.notOk(drained)
  forked[1]!.end(0)
  await draining
  t.equal(forks.size, 0)
})

t.test('a drain does not wait for one that does not serve yet', async (t) => {
  const { supervisor, forks, serve } = start(2)
  const starting = supervisor.start().catch(() => {})
  await serve(await forks.take())
  const second = await forks.take()
  const draining = supervisor.drain({ notice: 0, patience: 1000 })
  t.ok(second.killed)
  supervisor.kill()
  await draining
  await starting
})
