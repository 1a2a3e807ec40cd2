import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Config } from '../../src/config/config.ts'
import { requireConfig } from '../../src/config/load.ts'
import { createReload } from '../../src/config/reload.ts'
import type { watchFiles } from '../../src/files/watch.ts'

const text = 'listen: { insecure: true }\nclusters: [{ name: a, server: "https://x", credential: { tokenEnv: T } }]\n'

/** Follows a config file in a folder; the answer writes it anew and tells how the reload went. */
async function follow(folder: string, apply: (config: Config) => Promise<void>) {
  const file = join(folder, 'p.yaml')
  const { config: started } = await requireConfig(file)
  let change = () => undefined as void
  let told: (outcome: unknown) => void = () => undefined
  const watch: typeof watchFiles = async (_paths, onChange) => {
    change = onChange
    return { close: () => undefined }
  }
  await createReload({ started, apply, watch, report: outcome => told(outcome) })
  return (written: string) => new Promise<unknown>((resolve) => {
    told = resolve
    writeFileSync(file, written)
    change()
  })
}

t.test('a good change is applied, and one that changes nothing is not applied again', async (t) => {
  const applied: string[] = []
  const write = await follow(t.testdir({ 'p.yaml': text }), async ({ log }) => { applied.push(log.level) })
  t.match(await write(`${text}log: { level: debug }`), { ok: true, warnings: [], needsRestart: [] })
  t.match(await write(`${text}log: { level: debug } # said otherwise`), { ok: true })
  t.strictSame(applied, ['debug'])
})

t.test('what changed before the file is followed is not missed, and what did not is no reload', async (t) => {
  const file = join(t.testdir({ 'p.yaml': text }), 'p.yaml')
  const { config: started } = await requireConfig(file)
  const watch: typeof watchFiles = async () => ({ close: () => undefined })
  const events: unknown[] = []
  const followed = () => new Promise<void>((resolve, reject) => {
    const report = ({ ok }: { ok: boolean }) => { events.push(ok); resolve() }
    createReload({ started, watch, report, apply: ({ log }) => { events.push(log.level) } }).catch(reject)
  })
  await createReload({ started, watch, apply() { t.fail('was applied') }, report() { t.fail('was reported') } })
  writeFileSync(file, `${text}log: { level: debug }`)
  await followed()
  t.strictSame(events.splice(0), ['debug', true])
  writeFileSync(file, 'clusters: 3')
  await followed()
  t.strictSame(events, [false])
})

t.test('a bad change is reported with every fault, and never applied', async (t) => {
  const write = await follow(t.testdir({ 'p.yaml': text }), async () => { t.fail('was applied') })
  t.match(await write('clusters: 3\nx: 1'), { ok: false, faults: [{ path: 'listen' }, { path: 'clusters' }, { path: 'x' }] })
})

t.test('what cannot be applied is reported, and tried again with the next change', async (t) => {
  let turn = 0
  const write = await follow(t.testdir({ 'p.yaml': text }), async () => {
    if (turn++ === 0) throw new Error('ca.crt does not exist')
  })
  t.match(await write(`${text}log: { level: debug }`), { ok: false, faults: [{ message: 'ca.crt does not exist' }] })
  t.match(await write(`${text}log: { level: debug }`), { ok: true })
  t.equal(turn, 2)
})

t.test('a change of listen, admin or workers needs a restart, and is said so until it is taken back', async (t) => {
  const write = await follow(t.testdir({ 'p.yaml': text }), async () => undefined)
  t.match(await write(text.replace('true', 'true, port: 1') + 'admin: { port: 2 }'), { ok: true, needsRestart: ['listen', 'admin'] })
  t.match(await write(`${text}admin: { port: 2 }`), { ok: true, needsRestart: ['admin'] })
  t.match(await write(`${text}workers: auto`), { ok: true, needsRestart: ['workers'] })
  t.match(await write(text), { ok: true, needsRestart: [] })
})
