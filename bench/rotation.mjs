// Does anybody notice that the credential is another one every second?
// `npm run soak:rotation`; --help says more. Loopback alone, four processes, a minute for each kind of credential.
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { URL } from 'node:url'
import { parseArgs } from 'node:util'
import { end, Run } from './support/run.mjs'

const usage = `node bench/rotation.mjs [--seconds 60] [--callers 50] [--watches 20] [--pace 4] [--kind tokenRequest|tokenFile]

  --seconds N   how long, for each kind of credential
  --callers N   each with a key of its own, reading and writing
  --watches N   that are to stay open and to see every write
  --pace N      requests a second of each caller
  --kind K      this kind alone
`
const kinds = {
  /** Tokens that live for 1.3 s, strictly. */
  tokenRequest: { tokenRequest: { bootstrap: { tokenFile: 'token' }, serviceAccount: { namespace: 'portcullis', name: 'portcullis' } } },
  /** A file that is another one every second; the token before is let in for half a second longer. */
  tokenFile: { tokenFile: 'rotating' },
}
const every = 1000
const overlap = 500

const { values } = parseArgs({ options: {
  seconds: { type: 'string', default: '60' }, callers: { type: 'string', default: '50' }, watches: { type: 'string', default: '20' },
  pace: { type: 'string', default: '4' }, kind: { type: 'string' }, help: { type: 'boolean', default: false },
} })
const [seconds, callers, watches, pace] = [values.seconds, values.callers, values.watches, values.pace].map(Number)
const wanted = values.kind === undefined ? Object.keys(kinds) : [values.kind]

if (values.help) end(0, usage)
if (![seconds, callers, watches, pace].every((value) => Number.isInteger(value) && value > 0) || !wanted.every((kind) => Object.hasOwn(kinds, kind))) end(2, usage)
if (!existsSync(new URL('../dist/main.js', import.meta.url))) end(1, 'there is no dist/main.js: run `npm run build` first\n')

const run = new Run(wanted.length * (seconds + 30))

await run.go(async () => {
  const results = []
  for (const kind of wanted) {
    results.push(await measure(kind))
    await run.stopAll()
  }
  process.stdout.write(report(results))
  if (results.some(({ faults }) => faults.length > 0)) process.exitCode = 1
})

async function measure(kind) {
  run.doing = `starting ${kind}`
  const { upstream, load } = await start(kind)
  await load.ask('prepare')
  await load.ask('watch', { count: watches })
  run.doing = `rotating ${kind}`
  const { requests, failures, slowest } = await load.ask('run', { seconds, pace })
  run.doing = `counting what the watches saw under ${kind}`
  const seen = await load.ask('watched', { within: 5000 })
  const { rotations, rejected } = await upstream.ask('seen')
  const failed = failures.reduce((sum, [, count]) => sum + count, 0)
  const faults = [
    ...failures.map(([what, count]) => `${count} × ${what}`),
    ...seen.dropped > 0 ? [`${seen.dropped} watches ended`] : [],
    ...seen.missed > 0 ? [`${seen.missed} events did not arrive`] : [],
    // Else nothing is shown.
    ...rotations < seconds * 0.8 ? [`only ${rotations} rotations in ${seconds} seconds`] : [],
  ]
  return { kind, rotations, rejected, requests, failed, slowest, ...seen, faults }
}

async function start(kind) {
  const { makeAuthority } = await import('../dist/sample/certificate.js')
  const { startPart } = await import('./support/part.mjs')
  const { startProxy } = await import('./support/proxy.mjs')
  const authority = makeAuthority({ days: 1 })
  const certificate = () => authority.issue(['localhost', '127.0.0.1'])
  const token = randomBytes(32).toString('hex')
  const upstream = run.keep(startPart('rotation-upstream.mjs'))
  const load = run.keep(startPart('rotation-load.mjs'))
  const { url } = await upstream.ask('start', { certificate: certificate(), token })
  const proxy = run.keep(await startProxy({
    upstream: { url, ca: authority.ca }, certificate: certificate(), token, credential: kinds[kind], callers, rules: [
      { apiGroups: [''], resources: ['configmaps', 'pods'], verbs: ['get', 'list', 'watch', 'create', 'update', 'patch'], namespaces: ['team-a'] },
    ],
    prepare: (folder) => kind === 'tokenFile' ? upstream.ask('rotateFile', { path: join(folder, 'rotating'), every, overlap }) : undefined,
  }))
  await load.ask('aim', { port: proxy.port, keys: proxy.keys, ca: authority.ca })
  return { upstream, load }
}

function report(results) {
  const rows = [
    ['kind', 'rotations', 'requests', 'failed', 'slowest, ms', 'watches', 'dropped', 'events', 'events missed'],
    ...results.map((row) => [row.kind, row.rotations, row.requests, row.failed, row.slowest.toFixed(0), row.watches, row.dropped, row.events * row.watches, row.missed]),
  ].map((row) => row.map(String))
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const lines = rows.map((row) => row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])).join('  ').trimEnd())
  return [
    `Node ${process.version}: ${callers} callers at ${pace} requests a second each, for ${seconds} s under each kind of credential.`,
    '', ...lines, '',
    ...results.flatMap(({ kind, rejected }) => rejected === 0 ? [] : [`${kind}: ${rejected} requests reached the API server with a token that was over; renewed, and sent again`]),
    ...results.flatMap(({ kind, faults }) => faults.map((fault) => `FAILED: ${kind}: ${fault}`)),
    '',
  ].join('\n')
}
