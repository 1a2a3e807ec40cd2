// Where callers are kept may change with the config, and the cluster that has them with it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Config } from '../../src/config/config.ts'
import { createLog } from '../../src/log/log.ts'
import { wireCallers } from '../../src/wiring/callers.ts'
import { clusterFor, credentialOf } from '../support/cluster-builders.ts'
import { keyOf, namespace, startStoreServer, type StoreServer } from '../support/callers-store.ts'
import { until } from '../support/until.ts'

const log = createLog({ level: 'silent', redact: text => text })
const configOf = (callers: Config['callers']) => ({ callers, clusters: [{ name: 'prod' }] }) as unknown as Config
const stored = configOf({ kind: 'kubernetes', cluster: 'prod', namespace })

function clusterOf(t: Test, { front, ca, token }: StoreServer) {
  return clusterFor(t, { url: `https://localhost:${front.port}`, ca }, { credential: credentialOf(token) })
}

// Its import takes seconds on a busy machine, which are not what a reload's patience is for.
await import('@kubernetes/client-node')

t.test('from a file to a cluster and back: what is in force stays until the other is there, and all hear of it', async (t) => {
  const file = join(t.testdir(), 'callers.yaml')
  writeFileSync(file, JSON.stringify({ callers: [{ name: 'ci', keys: [keyOf('filefile')] }] }))
  const server = await startStoreServer(t)
  await server.put('callers', 'ci', { keys: [keyOf('kubekube')] })
  const inFile = configOf({ kind: 'file', paths: [file] })
  const cluster = clusterOf(t, server)
  const wiring = await wireCallers(inFile, { log, onReload() {}, findCluster: () => cluster })
  t.teardown(() => wiring.close())
  let told = 0
  wiring.onChange(() => { told += 1 })

  const discarded = await wiring.prepare(stored, new AbortController().signal)
  t.ok(wiring.findKey('filefile'))
  discarded.discard()
  const prepared = await wiring.prepare(stored, new AbortController().signal)
  told = 0
  prepared.commit()
  t.equal(told, 1)
  t.ok(wiring.findKey('kubekube'))
  t.equal(wiring.findKey('filefile'), undefined)
  const back = await wiring.prepare(inFile, new AbortController().signal)
  back.commit()
  t.ok(wiring.findKey('filefile'))
})

t.test('a store that cannot be read is no reload: what is in force stays', async (t) => {
  const file = join(t.testdir(), 'callers.yaml')
  writeFileSync(file, JSON.stringify({ callers: [{ name: 'ci', keys: [keyOf('filefile')] }] }))
  const wiring = await wireCallers(configOf({ kind: 'file', paths: [file] }), { log, onReload() {}, findCluster: () => undefined })
  t.teardown(() => wiring.close())
  const stop = new AbortController()
  const prepared = wiring.prepare(stored, stop.signal)
  setImmediate(() => stop.abort())
  await t.rejects(prepared, { message: new RegExp(`the callers of cluster prod, namespace ${namespace} could not be read: .*has to be in force first`) })
  t.ok(wiring.findKey('filefile'))
})

t.test('how a store was loaded counts from when it is in force, and not at all where it is discarded', async (t) => {
  const folder = t.testdir({ 'a.yaml': '', 'b.yaml': '' })
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  const good = JSON.stringify({ callers: [{ name: 'ci' }] })
  for (const name of ['a.yaml', 'b.yaml']) write(name, good)
  const reported: boolean[] = []
  const of = (name: string) => configOf({ kind: 'file', paths: [join(folder, name)] })
  const wiring = await wireCallers(of('a.yaml'), { log, onReload: ok => reported.push(ok), findCluster: () => undefined })
  t.teardown(() => wiring.close())
  t.strictSame(reported.splice(0), [true])
  write('a.yaml', 'callers: 3')
  await until(() => reported.length > 0)
  t.strictSame(reported.splice(0), [false])

  const discarded = await wiring.prepare(of('b.yaml'), new AbortController().signal)
  discarded.discard()
  t.strictSame(reported, [], 'the file in force is as bad as before')
  const prepared = await wiring.prepare(of('b.yaml'), new AbortController().signal)
  t.strictSame(reported, [])
  prepared.commit()
  t.strictSame(reported.splice(0), [true])
  write('b.yaml', 'callers: 3')
  await until(() => reported.length > 0)
  t.strictSame(reported, [false], 'it is followed')
})

t.test('where another cluster takes the place of the first, its objects do too, and what is open of the first is let go', async (t) => {
  const servers = [await startStoreServer(t), await startStoreServer(t)] as const
  await servers[0].put('callers', 'one', { keys: [keyOf('aaaaaaaa')] })
  await servers[1].put('callers', 'two', { keys: [keyOf('bbbbbbbb')] })
  let cluster = clusterOf(t, servers[0])
  const wiring = await wireCallers(stored, { log, onReload() {}, findCluster: () => cluster })
  t.teardown(() => wiring.close())
  await until(() => wiring.all().length === 1)
  cluster = clusterOf(t, servers[1])
  const prepared = await wiring.prepare(stored, new AbortController().signal)
  prepared.commit()
  await until(() => wiring.findKey('bbbbbbbb') !== undefined)
  t.equal(wiring.findKey('aaaaaaaa'), undefined)
  await servers[0].put('callers', 'late', { keys: [keyOf('cccccccc')] })
  await servers[1].put('callers', 'later', { keys: [keyOf('dddddddd')] })
  await until(() => wiring.findKey('dddddddd') !== undefined)
  t.equal(wiring.findKey('cccccccc'), undefined)
})
