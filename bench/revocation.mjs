// How long does what was taken away still work? Two replicas of two workers each, on the Kubernetes store.
// `npm run bench:revocation`; --help says more. Loopback alone, eight processes, about a minute.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath, URL } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { end, Run } from './support/run.mjs'

const usage = `node bench/revocation.mjs [--rounds 5] [--watches 12] [--replicas 2] [--workers 2]

  --rounds N    of each of: revoke, expire, narrow, limit
  --watches N   that a key holds open at each replica
  --replicas N  proxies that share the store
  --workers N   processes of each
`
/** Milliseconds: what docs/reference/callers.md promises. */
const bound = 1000
const namespace = 'portcullis'
const path = '/api/v1/namespaces/team-a/pods'
const rule = { verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['pods'], namespaces: ['team-a'] }
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))

const { values } = parseArgs({ options: {
  rounds: { type: 'string', default: '5' }, watches: { type: 'string', default: '12' },
  replicas: { type: 'string', default: '2' }, workers: { type: 'string', default: '2' }, help: { type: 'boolean', default: false },
} })
const [rounds, watches, replicas, workers] = [values.rounds, values.watches, values.replicas, values.workers].map(Number)

if (values.help) end(0, usage)
if (![rounds, watches, replicas, workers].every((value) => Number.isInteger(value) && value > 0)) end(2, usage)
if (!existsSync(main)) end(1, 'there is no dist/main.js: run `npm run build` first\n')

const run = new Run(60 + rounds * 40)

/** The store's API server, and the replicas before it. */
async function start() {
  run.doing = 'starting'
  const { makeAuthority } = await import('../dist/sample/certificate.js')
  const { startPart } = await import('./support/part.mjs')
  const { startProxy } = await import('./support/proxy.mjs')
  const { createStoreClient } = await import('./support/store-client.mjs')
  const authority = makeAuthority({ days: 1 })
  const certificate = () => authority.issue(['localhost', '127.0.0.1'])
  const token = randomBytes(32).toString('hex')
  const upstream = run.keep(startPart('store-upstream.mjs'))
  const { url } = await upstream.ask('start', { certificate: certificate(), token })
  const store = run.keep(createStoreClient({ url, ca: authority.ca, token, namespace }))
  await store.install()
  const proxies = await Promise.all(Array.from({ length: replicas }, async () => run.keep(await startProxy({
    upstream: { url, ca: authority.ca }, certificate: certificate(), token, config: { workers, callers: { kubernetes: { namespace } } },
  }))))
  return { store, proxies, ca: authority.ca }
}

/** A caller with one key and a scope of its own, known to every worker of every replica. */
async function newCaller({ store, proxies, ca }, name) {
  const { digestKey, mintKey } = await import('../dist/keys/key.js')
  const { id, key } = mintKey(randomBytes)
  const entry = { id, sha256: digestKey(key).toString('hex') }
  await store.create('scopes', name, { rules: [rule] })
  await store.create('callers', name, { scopes: [{ name }], keys: [entry] })
  const connections = await connect({ proxies, ca }, key)
  for (const connection of connections) while (await connection.ask() !== 200) await delay(20)
  return { key, entry, connections }
}

/** Connections are dealt to the workers in turn: twice as many as workers reach each of them. */
async function connect({ proxies, ca }, key) {
  const { openConnection } = await import('./support/caller-connections.mjs')
  return proxies.flatMap(({ port }) => Array.from({ length: 2 * workers }, () => openConnection({ port, ca, key, path })))
}

/** Watches at every replica, then the change; each watch's end counts from what `change` resolves with. */
async function endsAfter({ proxies, ca }, { key, connections }, change) {
  const { openWatch } = await import('./support/caller-connections.mjs')
  const open = await Promise.all(proxies.flatMap(({ port }) => (
    Array.from({ length: watches }, () => openWatch({ port, ca, key, path: `${path}?watch=true` })))))
  const ended = Promise.all(open.map((watch) => watch.ended))
  const from = await change()
  const ends = await ended
  for (const connection of connections) {
    if (await connection.ask() === 200) throw new Error('a request was let in after its streams had ended')
    connection.close()
  }
  return ends.map(({ at, proper }) => ({ ms: at - from, proper }))
}

const measures = {
  /** From the command's return. */
  async revoke(world, name) {
    const caller = await newCaller(world, name)
    return endsAfter(world, caller, async () => {
      await promisify(execFile)(process.execPath, [main, 'key', 'revoke', caller.entry.id, '--config', join(world.proxies[0].folder, 'portcullis.yaml')])
      return performance.now()
    })
  },
  /** From the key's end. */
  async expire(world, name) {
    const caller = await newCaller(world, name)
    return endsAfter(world, caller, async () => {
      const expiresAt = Date.now() + 1500
      await world.store.patch('callers', name, { keys: [{ ...caller.entry, expiresAt: new Date(expiresAt).toISOString() }] })
      return performance.now() + expiresAt - Date.now()
    })
  },
  /** From the API server's answer to the change of the scope. */
  async narrow(world, name) {
    const caller = await newCaller(world, name)
    return endsAfter(world, caller, async () => {
      await world.store.patch('scopes', name, { rules: [{ ...rule, namespaces: ['team-b'] }] })
      return performance.now()
    })
  },
  /** From the API server's answer until every connection to every worker has met the limit. */
  async limit(world, name) {
    const { connections } = await newCaller(world, name)
    await world.store.patch('callers', name, { limits: { requestsPerSecond: 0.1, burst: 1 } })
    const from = performance.now()
    const took = await Promise.all(connections.map(async (connection) => {
      while (await connection.ask() !== 429) {
        if (performance.now() - from > 10 * bound) break
        await delay(5)
      }
      connection.close()
      return { ms: performance.now() - from, proper: true }
    }))
    return took
  },
}

const words = {
  revoke: 'key revoke: from the command\'s return to the last stream\'s end',
  expire: 'a key\'s expiresAt to the last stream\'s end',
  narrow: 'a Scope narrowed: from the API\'s answer to the last stream\'s end',
  limit: 'a Caller limited: from the API\'s answer to the first 429 on every connection',
}

function report(results) {
  const lines = results.map(({ what, took }) => {
    const sorted = took.map(({ ms }) => Math.max(0, ms)).sort((a, b) => a - b)
    const at = (share) => `${Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))])} ms`
    const improper = took.filter(({ proper }) => !proper).length
    return [words[what], String(took.length), at(0.5), at(0.99), at(1), improper === 0 ? 'all' : `${took.length - improper}`]
  })
  const rows = [['', 'streams', 'median', 'p99', 'worst', 'ended as HTTP ends'], ...lines]
  const widths = rows[0].map((_head, column) => Math.max(...rows.map((row) => row[column].length)))
  const table = rows.map((row) => row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])).join('   ')).join('\n')
  return `${replicas} replicas × ${workers} workers, Kubernetes store, Node ${process.versions.node}; 0 ms: over before the command returned; bound ${bound} ms\n${table}\n`
}

await run.go(async () => {
  const world = await start()
  const results = []
  for (const [what, measure] of Object.entries(measures)) {
    const took = []
    for (let round = 0; round < rounds; round += 1) {
      run.doing = `measuring ${what}, round ${round + 1}`
      took.push(...await measure(world, `${what}-${round}`))
    }
    results.push({ what, took })
  }
  process.stdout.write(report(results))
  if (results.some(({ took }) => took.some(({ ms, proper }) => ms > bound || !proper))) process.exitCode = 1
})
