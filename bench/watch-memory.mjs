// What an idle watch takes, by either protocol, and what becomes of its events.
// `npm run bench:watch-memory`; `-- --help` says more. Loopback alone.
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { URL } from 'node:url'
import { parseArgs } from 'node:util'
import { end, Run } from './support/run.mjs'

const usage = `npm run bench:watch-memory -- [--full] [--watches N] [--protocol http1|http2] [--node PATH] [--json]

  --full        10,000 watches, or as many as the limit of open files lets one process have; else 1,000
  --watches N   another number
  --protocol P  only one of them; by HTTP/2 the API server is asked by HTTP/2, too
  --node PATH   the node that runs the proxy; default: this one
  --json        print JSON instead of the table
`
const { values } = parseArgs({ options: {
  full: { type: 'boolean', default: false }, watches: { type: 'string' }, protocol: { type: 'string' }, node: { type: 'string', default: process.execPath },
  json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
} })

if (values.help) end(0, usage)
if (values.watches !== undefined && !(Number.isInteger(Number(values.watches)) && Number(values.watches) > 1)) end(2, usage)
if (!['http1', 'http2', undefined].includes(values.protocol)) end(2, usage)
if (!existsSync(new URL('../dist/main.js', import.meta.url))) end(1, 'there is no dist/main.js: run `npm run build` first\n')

const run = new Run(values.full ? 400 : 100)

await run.go(async () => {
  const results = []
  for (const protocol of values.protocol === undefined ? ['http1', 'http2'] : [values.protocol]) results.push(await measure(protocol))
  process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : results.map(textOf).join('\n'))
  if (results.some(({ lost, ended, slow }) => lost > 0 || ended > 0 || slow.lost > 0)) process.exitCode = 1
})

async function measure(protocol) {
  const { makeAuthority } = await import('../dist/sample/certificate.js')
  const { mintKey } = await import('../dist/keys/key.js')
  const { byNode, startContender } = await import('./speed/contenders.mjs')
  const { measureWatches, modes, most, protocols, startWatchUpstream } = await import('./speed/watches.mjs')
  run.doing = `measuring ${protocols[protocol].title}`
  const authority = makeAuthority({ days: 1 })
  const certificate = authority.issue(['localhost', '127.0.0.1'])
  const [minted, token] = [Array.from({ length: 100 }, () => mintKey(randomBytes)), randomBytes(32).toString('hex')]
  const keys = minted.map(({ key }) => key)
  const mode = values.full ? modes.full : modes.quick
  const upstream = run.keep(await startWatchUpstream(certificate, { http2: protocol === 'http2' }))
  const running = run.keep(await startContender(byNode(values.node).portcullis, { upstream, ca: authority.ca, token, keys, minted, certificate }))
  const count = most(Number(values.watches ?? mode.count), protocols[protocol], descriptors())
  const result = await measureWatches(running, { upstream, keys, token, ca: authority.ca, protocol, mode: { ...mode, count } })
  await run.stopAll()
  return result
}

/** Of one process; node raises the soft limit to the hard one by itself. */
function descriptors() {
  const limits = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : ''
  return Number(/^Max open files\s+\d+\s+(\d+)/m.exec(limits)?.[1] ?? Infinity)
}

function textOf({ protocol, count, opening, bytes, sent, lost, outOfOrder, ended, added, direct, p50, p99, slow }) {
  const ms = (value) => `${value.toFixed(2)} ms`
  return [
    `${count} idle watches by ${protocol}, TLS on both sides (opened in ${opening.toFixed(1)} s)`,
    `  memory a watch:     ${(bytes / 1000).toFixed(1)} KB`,
    `  events:             ${sent} sent, ${lost} lost, ${outOfOrder} out of order; ${ended} watches ended`,
    `  added delay:        p50 ${ms(added.p50)}, p99 ${ms(added.p99)} (through it ${ms(p50)} and ${ms(p99)}, without ${ms(direct.p50)} and ${ms(direct.p99)})`,
    `  beside one that takes nothing: p50 ${ms(slow.p50)}, p99 ${ms(slow.p99)}, ${slow.lost} lost; ${(slow.poured / 1e6).toFixed(1)} MB taken for it, ${(slow.held / 1e6).toFixed(1)} MB more memory`,
    '',
  ].join('\n')
}
