// The runs of bench/audit-faults.mjs: each breaks something under load, mends it, and counts.
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { logFiles, makeProxy, readLines, verify } from './audited-proxy.mjs'

/** `parts`: the upstream's and the load's, the authority, the way to stop what was started, and to say how far it is. */
export function createRuns({ upstream, upstreamAt, load, authority, keep, say }) {
  const make = async (config) => {
    const proxy = keep(await makeProxy({ upstream: upstreamAt, certificate: authority.issue(['localhost', '127.0.0.1']), config }))
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    writeFileSync(join(proxy.folder, 'signing.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    writeFileSync(join(proxy.folder, 'public.pem'), publicKey.export({ type: 'spki', format: 'pem' }))
    await proxy.start()
    return proxy
  }
  const begin = async (proxy, connections = 16, pace = 0) => {
    await load.ask('aim', { port: proxy.port, key: proxy.key, ca: authority.ca })
    await load.ask('begin', { connections, pace })
  }
  const shared = { make, begin, upstream, load, keep, say }
  return {
    kill: (rounds, workers) => kill({ ...shared, rounds, workers }),
    disk: (mode, seconds) => disk({ ...shared, mode, seconds }),
    webhook: (mode, seconds, collector) => webhook({ ...shared, mode, seconds, collector }),
    rotation: (seconds) => rotation({ ...shared, seconds }),
  }
}

/** Every first event is there of what reached the upstream, and of what somebody got an answer for. */
async function kill({ make, begin, upstream, load, say, rounds, workers }) {
  const proxy = await make({ workers, audit: { mode: 'blocking-strict', sinks: [{ file: { path: 'audit.log', maxSize: '32KiB', keep: 1000, compress: true, signingKeyFile: 'signing.pem' } }] } })
  const known = new Set()
  const result = { requests: 0, acknowledged: 0 }
  for (let round = 0; round < rounds; round += 1) {
    say(`kill -9 of ${workers === 1 ? 'a process' : `${workers} workers and the first process`}, ${round + 1} of ${rounds}`)
    if (round > 0) await proxy.start()
    await begin(proxy)
    // On a slow machine later: there has to be something that could be lost.
    await until(async () => await load.ask('count') >= 20, 30)
    await pause(Math.random() * 500)
    await proxy.kill()
    const { requests, answered } = await load.ask('finish')
    result.requests += requests
    result.acknowledged += answered.length
    for (const id of [...answered, ...await upstream.ask('seen')]) known.add(id)
  }
  // Once more, so that what the last kill left is closed off.
  await proxy.start()
  await proxy.end()
  const { names, twice } = await readLines(logFiles(proxy.folder))
  const missing = [...known].filter((id) => !names.has(`${id} RequestReceived`)).length
  const chain = await verify(logFiles(proxy.folder), join(proxy.folder, 'public.pem'))
  return {
    ...result, upstream: known.size, linesIn: undefined, linesOut: names.size, dropped: undefined, missing, chain: chain.words,
    faults: [
      ...missing > 0 ? [`${missing} requests went up, or were answered, without a first event in the log`] : [],
      ...twice > 0 ? [`${twice} lines are there twice`] : [], ...chain.sound ? [] : [`the chain: ${chain.words}`],
      ...result.acknowledged < rounds * 10 ? ['too few requests for it to show anything'] : [],
    ],
  }
}

/** Full for a third of the time. Undefined where no file system may be mounted. */
async function disk({ make, begin, upstream, load, keep, say, mode, seconds }) {
  const mounted = mountDisk(32 + seconds * 16)
  if (mounted === undefined) return undefined
  const { folder } = keep(mounted)
  const proxy = await make({ audit: { mode, sinks: [{ file: { path: join(folder, 'audit.log'), maxSize: '4MiB', keep: 1000 } }] } })
  const ballast = join(folder, 'ballast')
  await begin(proxy)
  for (const [index, full] of [false, true, false].entries()) {
    say(`disk full, ${mode}: ${full ? 'it is full' : index === 0 ? 'it has room' : 'it has room again'}`)
    if (full) fill(ballast)
    else rmSync(ballast, { force: true })
    await pause(seconds * 1000 / 3)
  }
  const counted = await load.ask('finish')
  await until(() => proxy.ready(), 30)
  const dropped = await proxy.dropped()
  await proxy.end()
  const { names, twice } = await readLines(logFiles(folder))
  return judge({ mode, counted, dropped, names, twice, seen: await upstream.ask('seen'), chain: await verify(logFiles(folder)) })
}

function fill(ballast) {
  // In pieces that get smaller: the last page too.
  for (const size of [2 ** 20, 4096]) {
    try {
      for (;;) writeFileSync(ballast, new Uint8Array(size), { flag: 'a' })
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error
    }
  }
}

/** Away for so many seconds, between two short times in which it is there. */
async function webhook({ make, begin, upstream, load, say, mode, seconds, collector }) {
  const { url } = await collector.ask('listen')
  const proxy = await make({ audit: { mode, sinks: [{ webhook: { url, maxWait: '1s', initialBackoff: '1s' } }] } })
  await begin(proxy, 16, 10)
  await pause(1000)
  say(`webhook down for ${seconds} s, ${mode}`)
  await collector.ask('leave')
  await pause(seconds * 1000)
  await collector.ask('listen')
  say(`webhook is there again, ${mode}`)
  // The last pause may be as long as all of those before.
  await until(() => proxy.ready(), seconds + 60)
  const before = await load.ask('served')
  // In blocking-strict they stand behind all that was held.
  await until(async () => await load.ask('served') > before, 30)
  const served = await load.ask('served') - before
  const counted = await load.ask('finish')
  await until(async () => await proxy.ready() && await collector.ask('count') + await proxy.dropped() >= linesOf(mode, counted), seconds + 60)
  const dropped = await proxy.dropped()
  await proxy.end()
  const names = new Set(await collector.ask('taken'))
  await collector.ask('leave')
  const judged = judge({ mode, counted, dropped, names, twice: 0, seen: await upstream.ask('seen'), chain: undefined })
  return { ...judged, faults: [...judged.faults, ...served > 0 ? [] : ['nobody was served when it was there again']] }
}

/** Two workers; each file is put aside, and compressed, soon after it was begun. */
async function rotation({ make, begin, upstream, load, say, seconds }) {
  const mode = 'batch'
  const proxy = await make({ workers: 2, audit: { mode, sinks: [{ file: { path: 'audit.log', maxSize: `${32 + seconds * 8}KiB`, keep: 1000, compress: true } }] } })
  say(`rotation and compression under load, two workers, ${seconds} s`)
  await begin(proxy)
  await pause(seconds * 1000)
  // On a slow machine longer: some files have to be full.
  await until(async () => await load.ask('count') >= 500, 60)
  const counted = await load.ask('finish')
  const dropped = await proxy.dropped()
  await proxy.end()
  const files = logFiles(proxy.folder)
  const { names, twice } = await readLines(files)
  const judged = judge({ mode, counted, dropped, names, twice, seen: await upstream.ask('seen'), chain: await verify(files) })
  return { ...judged, files: files.length, faults: [...judged.faults, ...files.length < 4 ? [`only ${files.length - 1} files were put aside`] : []] }
}

/** A request has a last line, in blocking-strict a first one too; of those that nothing came back for none is known. */
function linesOf(mode, { requests }) {
  return requests * (mode === 'blocking-strict' ? 2 : 1)
}

function judge({ mode, counted, dropped, names, twice, seen, chain }) {
  const { requests, lost, statuses, answered } = counted
  const [linesIn, linesOut, acknowledged, refused] = [linesOf(mode, counted), names.size, statuses[200] ?? 0, statuses[503] ?? 0]
  const stage = mode === 'blocking-strict' ? 'RequestReceived' : 'ResponseComplete'
  // In blocking-strict one that went up may be missing nowhere; in the others what is missing is what is counted.
  const unrecorded = (mode === 'blocking-strict' ? seen : answered).filter((id) => !names.has(`${id} ${stage}`)).length
  const missing = linesIn - linesOut - dropped
  return {
    requests, acknowledged, refused, upstream: seen.length, linesIn, linesOut, dropped, missing, chain: chain?.words,
    faults: [
      ...lost > 0 ? [`${lost} requests got no answer at all`] : [],
      ...acknowledged + refused + lost === requests ? [] : [`answers other than 200 and 503: ${JSON.stringify(statuses)}`],
      ...mode !== 'blocking-strict' && refused > 0 ? [`${refused} requests were refused, which ${mode} never does`] : [],
      ...mode === 'blocking-strict' && seen.length !== acknowledged ? [`${seen.length} requests went up, and ${acknowledged} were answered well`] : [],
      ...mode === 'blocking-strict' && unrecorded > 0 ? [`${unrecorded} requests went up unrecorded`] : [],
      ...mode !== 'blocking-strict' && unrecorded !== dropped ? [`${unrecorded} requests are not in the log, and ${dropped} lines were counted as dropped`] : [],
      ...missing === 0 ? [] : [`lines in are not lines out and dropped ones: ${missing} are missing`],
      ...twice > 0 ? [`${twice} lines are there twice`] : [], ...chain?.sound === false ? [`the chain: ${chain.words}`] : [],
    ],
  }
}

/** Gives up after so many seconds: what is then not so shows in the counts. */
async function until(wanted, seconds) {
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await pause(50)) if (await wanted()) return
}

/** Mounts a file system that is soon full; undefined where this process may not. */
function mountDisk(mebibytes) {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0700`, 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    rmSync(folder, { recursive: true })
    return undefined
  }
  return {
    folder,
    stop() {
      execFileSync('umount', ['-l', folder])
      rmSync(folder, { recursive: true })
    },
  }
}
