import { renameSync, symlinkSync, writeFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import t from 'tap'
import type * as FileStore from '../../src/callers/file-store.ts'
import type { Reloaded } from '../../src/files/reloading.ts'
import { builtModule } from '../support/built.ts'
import { startHeldUp } from '../support/held-up.ts'

const { createFileCallers } = await builtModule<typeof FileStore>('callers/file-store')

const key = (id: string, name: string) => `callers: [{ name: ${name}, keys: [{ id: ${id}, sha256: ${'ab'.repeat(32)} }] }]\n`

/** What the store reports, to be waited for; the watch itself keeps no process alive. */
function listen() {
  const seen: Reloaded[] = []
  let wake = () => undefined as void
  return {
    report: (outcome: Reloaded) => { seen.push(outcome); wake() },
    async next(): Promise<Reloaded> {
      const timer = setTimeout(() => wake(), 5000)
      while (seen.length === 0) await new Promise<void>((resolve) => { wake = resolve })
      clearTimeout(timer)
      return seen.shift()!
    },
  }
}

t.test('callers change with their file, whole, and a bad file changes nothing', async (t) => {
  const file = join(t.testdir({ 'c.yaml': key('k7Q2mX9a', 'one') }), 'c.yaml')
  const { report, next } = listen()
  const callers = await createFileCallers({ paths: [file], report })
  t.teardown(() => callers.close())
  let told = 0
  const stop = callers.onChange(() => { told++ })
  t.match(await next(), { ok: true })
  t.match(callers.findKey('k7Q2mX9a'), { definition: { name: 'one' } })
  t.equal(callers.findKey('other'), undefined)

  const [started, heldUp] = [performance.now(), startHeldUp()]
  writeFileSync(file, key('k7Q2mX9b', 'two'))
  t.match(await next(), { ok: true })
  const took = performance.now() - started
  t.ok(took < 1000 + heldUp(), `within a second: ${Math.round(took)} ms`)
  t.equal(callers.findKey('k7Q2mX9a'), undefined)
  t.match(callers.all(), [{ name: 'two' }])
  t.equal(told, 1)

  writeFileSync(file, 'callers: [{ name: three, jwt: {} }]')
  t.match(await next(), { ok: false, faults: [{ path: 'callers[0].jwt' }] })
  t.match(callers.findKey('k7Q2mX9b'), { definition: { name: 'two' } })
  t.equal(told, 1)

  stop()
  writeFileSync(file, key('k7Q2mX9c', 'four'))
  t.match(await next(), { ok: true })
  t.match(callers.findKey('k7Q2mX9c'), { definition: { name: 'four' } })
  t.equal(told, 1)
})

t.test('a mounted Secret is followed through its symlink swap', async (t) => {
  const folder = t.testdir({ '..v1': { 'c.yaml': key('k7Q2mX9a', 'one') } })
  symlinkSync('..v1', join(folder, '..data'))
  symlinkSync('..data/c.yaml', join(folder, 'c.yaml'))
  const { report, next } = listen()
  const callers = await createFileCallers({ paths: [folder], report })
  t.teardown(() => callers.close())
  t.match(await next(), { ok: true })

  mkdirSync(join(folder, '..v2'))
  writeFileSync(join(folder, '..v2', 'c.yaml'), key('k7Q2mX9b', 'two'))
  symlinkSync('..v2', join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  t.match(await next(), { ok: true })
  t.match(callers.all(), [{ name: 'two' }])
})

t.test('a first state with faults is no start, and nothing is followed', async (t) => {
  const file = join(t.testdir({ 'c.yaml': 'callers: 3' }), 'c.yaml')
  let closed = false
  const watch = async () => ({ close: () => { closed = true } })
  await t.rejects(createFileCallers({ paths: [file], watch }), { name: 'FaultsError', message: /callers: must be a list/ })
  t.equal(closed, true)
})

t.test('a large file with one bad caller changes nothing either: it is read aside', async (t) => {
  const file = join(t.testdir({ 'c.yaml': key('k7Q2mX9a', 'one') }), 'c.yaml')
  const { report, next } = listen()
  const callers = await createFileCallers({ paths: [file], report })
  t.teardown(() => callers.close())
  t.match(await next(), { ok: true })
  const before = callers.findKey('k7Q2mX9a')
  const many = Array.from({ length: 1000 }, (_, index) => `  - { name: ci-${index}, keys: [{ id: ${String(index).padStart(8, 'k')}, sha256: ${'ab'.repeat(32)} }] }\n`)
  many[998] = '  - { name: ci-998, keys: [{ id: short }] }\n'
  writeFileSync(file, `callers:\n${many.join('')}`)
  // Neither the watch nor the thread's beginning keeps this process alive.
  const waiting = setInterval(() => {}, 1000)
  const outcome = await next()
  clearInterval(waiting)
  t.match(outcome, { ok: false, faults: [{ line: 1000, path: 'callers[998].keys[0].sha256', subject: 'caller ci-998' }, { line: 1000, path: 'callers[998].keys[0].id' }] })
  t.equal(callers.findKey('k7Q2mX9a'), before)
})

t.test('what changes while a large file is read for the first time is in force in the end', async (t) => {
  const many = Array.from({ length: 20_000 }, (_, index) => `  - { name: ci-${index}, keys: [{ id: ${String(index).padStart(8, 'k')}, sha256: ${'ab'.repeat(32)} }] }\n`)
  const file = join(t.testdir({ 'c.yaml': `${key('k7Q2mX9a', 'one').replace('[{ name', '\n  - { name').replace('}]\n', '}\n')}${many.join('')}` }), 'c.yaml')
  let changed = () => {}
  const watch = async (_paths: readonly string[], listener: () => void) => {
    changed = listener
    return { close() {} }
  }
  const { report, next } = listen()
  // Its first piece: all is read by then, and some two hundred are to come.
  const wasRead = new Promise(resolve => process.once('worker', worker => worker.once('message', resolve)))
  const opening = createFileCallers({ paths: [file], report, watch })
  await wasRead
  writeFileSync(file, key('k7Q2mX9a', 'one').replace('id:', 'revokedAt: 2026-01-01T00:00:00Z, id:'))
  changed()
  const callers = await opening
  t.teardown(() => callers.close())
  t.match(await next(), { ok: true })
  t.match(await next(), { ok: true })
  t.strictSame(callers.all().map(({ name }) => name), ['one'])
  t.equal(callers.findKey('k7Q2mX9a')?.revokedAt, Date.UTC(2026, 0, 1))
})

t.test('a start reads without a thread what a reload reads with one', async (t) => {
  const text = (name: string) => `callers:\n${Array.from({ length: 1000 }, (_, index) => `  - { name: ${name}-${index} }\n`).join('')}${' '.repeat(64 * 1024)}\n`
  const file = join(t.testdir({ 'c.yaml': text('a') }), 'c.yaml')
  let changed = () => {}
  const watch = async (_paths: readonly string[], listener: () => void) => {
    changed = listener
    return { close() {} }
  }
  const { report, next } = listen()
  const began = countThreads()
  t.teardown(() => began.stop())
  const callers = await createFileCallers({ paths: [file], report, watch, starting: true })
  t.teardown(() => callers.close())
  t.match(await next(), { ok: true })
  t.equal(began.count, 0)
  writeFileSync(file, text('b'))
  changed()
  t.match(await next(), { ok: true })
  t.equal(callers.all()[999]?.name, 'b-999')
  t.equal(began.count, 1)
  writeFileSync(file, text('c'))
  changed()
  t.match(await next(), { ok: true })
  t.equal(callers.all()[999]?.name, 'c-999')
  t.equal(began.count, 1, 'which stays: it is warm by then')

  await began.end()
  writeFileSync(file, text('d'))
  changed()
  t.match(await next(), { ok: true })
  t.equal(callers.all()[999]?.name, 'd-999')
  t.equal(began.count, 2, 'and is another one where it ended')
})

/** Threads that this process began since. */
function countThreads() {
  let last: Worker | undefined
  const counted = { count: 0, end: () => last?.terminate(), stop: () => process.off('worker', onWorker) }
  const onWorker = (worker: Worker) => {
    last = worker
    counted.count += 1
  }
  process.on('worker', onWorker)
  return counted
}
