import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { watchFiles } from '../../src/files/watch.ts'
import type { WatchOptions } from '../../src/files/watch.ts'

/** What a kubelet does to a mounted ConfigMap or Secret: files are links through `..data`, which is swapped. */
function mount(folder: string, version: string, content: string): void {
  mkdirSync(join(folder, `..${version}`))
  writeFileSync(join(folder, `..${version}`, 'token'), content)
  symlinkSync(`..${version}`, join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
}

// The watch's own timers keep no process alive; this one does.
function changeOf(events: EventEmitter): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no change was told')), 5000)
    events.once('change', () => { clearTimeout(timer); resolve() })
  })
}

const changes: [string, (folder: string) => void][] = [
  ['writing', folder => writeFileSync(join(folder, 'file'), 'two')],
  ['writing as many bytes', folder => writeFileSync(join(folder, 'file'), 'TWO')],
  ['renaming over it', (folder) => {
    writeFileSync(join(folder, 'other'), 'two')
    renameSync(join(folder, 'other'), join(folder, 'file'))
  }],
  ['taking it away', folder => unlinkSync(join(folder, 'file'))],
  ['the symlink swap of a mount', folder => mount(folder, 'v2', 'two')],
  ['a new file in a folder', folder => writeFileSync(join(folder, 'sub', 'new.yaml'), 'x')],
]

const ways: [string, WatchOptions][] = [
  ['by the system\'s notices alone', { interval: 3_600_000 }],
  ['by looking alone', { interval: 50, notice: () => () => undefined }],
]

for (const [way, options] of ways) {
  for (const [change, make] of changes) {
    t.test(`${change} is seen ${way}`, async (t) => {
      const folder = t.testdir({ file: 'one', sub: {} })
      mount(folder, 'v1', 'one')
      symlinkSync('..data/token', join(folder, 'token'))
      const events = new EventEmitter()
      const watch = await watchFiles([join(folder, 'file'), join(folder, 'token'), join(folder, 'sub')], () => events.emit('change'), options)
      t.teardown(() => watch.close())
      const seen = changeOf(events)
      make(folder)
      await seen
      t.pass()
    })
  }
}

t.test('a file that comes into being is seen', async (t) => {
  const folder = t.testdir({})
  const events = new EventEmitter()
  const watch = await watchFiles([join(folder, 'later')], () => events.emit('change'))
  t.teardown(() => watch.close())
  const seen = changeOf(events)
  writeFileSync(join(folder, 'later'), 'x')
  await seen
})

t.test('many writes in a row are told once, when they are over', async (t) => {
  const folder = t.testdir({ file: '0' })
  const events = new EventEmitter()
  let written = 0
  let told = 0
  const watch = await watchFiles([join(folder, 'file')], () => {
    t.equal(written, 30)
    told++
    events.emit('change')
  }, { interval: 10, settle: 400 })
  t.teardown(() => watch.close())
  const seen = changeOf(events)
  const pace = setInterval(() => {
    writeFileSync(join(folder, 'file'), String(++written))
    if (written === 30) clearInterval(pace)
  }, 10)
  await seen
  t.equal(told, 1)
})

t.test('a folder in which other files change without end hides no change', async (t) => {
  const folder = t.testdir({ file: 'one' })
  const events = new EventEmitter()
  const watch = await watchFiles([join(folder, 'file')], () => events.emit('change'), { interval: 3_600_000, settle: 100 })
  t.teardown(() => watch.close())
  let count = 0
  const noise = setInterval(() => writeFileSync(join(folder, 'noise'), String(count++)), 10)
  const seen = changeOf(events)
  writeFileSync(join(folder, 'file'), 'two')
  // Silent before the fixture is removed: a file written meanwhile would keep its folder from going.
  await seen.finally(() => clearInterval(noise))
})

t.test('what is closed between seeing a change and telling it says nothing', async (t) => {
  const folder = t.testdir({ file: 'one' })
  const [early, late] = [new EventEmitter(), new EventEmitter()]
  let told = false
  const watchWith = (settle: number, onChange: () => void) => watchFiles([join(folder, 'file')], onChange, { interval: 10, settle })
  const closed = await watchWith(500, () => { told = true })
  const others = [await watchWith(10, () => early.emit('change')), await watchWith(900, () => late.emit('change'))]
  t.teardown(() => others.forEach(other => other.close()))
  const seen = [changeOf(early), changeOf(late)]
  writeFileSync(join(folder, 'file'), 'two')
  await seen[0]
  closed.close()
  await seen[1]
  t.equal(told, false)
})

t.test('what is closed tells nothing any more', async (t) => {
  const folder = t.testdir({ file: 'one' })
  const other = new EventEmitter()
  let told = false
  const closed = await watchFiles([join(folder, 'file')], () => { told = true })
  const open = await watchFiles([join(folder, 'file')], () => other.emit('change'))
  t.teardown(() => open.close())
  closed.close()
  const seen = changeOf(other)
  writeFileSync(join(folder, 'file'), 'two')
  await seen
  t.equal(told, false)
})

t.test('a folder that goes away and comes back is followed by looking', async (t) => {
  const folder = t.testdir({ sub: { file: 'one' } })
  const events = new EventEmitter()
  const watch = await watchFiles([join(folder, 'sub', 'file')], () => events.emit('change'), { interval: 50 })
  t.teardown(() => watch.close())
  let seen = changeOf(events)
  rmSync(join(folder, 'sub'), { recursive: true })
  await seen
  seen = changeOf(events)
  mkdirSync(join(folder, 'sub'))
  writeFileSync(join(folder, 'sub', 'file'), 'two')
  await seen
})
