// A disk that is really full, and has room again: what is written is whole, in order and one chain, what is lost is counted.
import { generateKeyPairSync } from 'node:crypto'
import { appendFileSync, chmodSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createChain } from '../../../src/audit-log/chain.ts'
import { createSign } from '../../../src/audit-log/chain-sign.ts'
import { verifyChain } from '../../../src/audit-log/chain-verify.ts'
import { createFileSink, type FileSinkOptions } from '../../../src/audit/sinks/file.ts'
import { eventLine } from '../../support/chained.ts'
import { smallDisk } from '../../support/small-disk.ts'
import { until } from '../../support/until.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519', { privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } })
const keys = t.testdir({ 'signing.pem': privateKey, 'public.pem': publicKey })
const publicKeyFile = join(keys, 'public.pem')
chmodSync(join(keys, 'signing.pem'), 0o600)

const line = (name: string) => eventLine(name)

function start(folder: string, options: Partial<FileSinkOptions> = {}) {
  const sink = createFileSink({ path: join(folder, 'audit.log'), maxSize: 1e6, keep: 1000, chain: createChain(), wait: 1, backOff: { first: 5, last: 20 }, ...options })
  const report = { dropped: 0, errors: [] as Error[] }
  sink.attach({ dropped: (lines) => { report.dropped += lines }, failed: (error) => { report.errors.push(error) } })
  return { sink, report }
}

const logs = (folder: string) => readdirSync(folder).filter(name => /^audit.*\.log$/.test(name)).sort((a, b) => Number(a === 'audit.log') - Number(b === 'audit.log') || a.localeCompare(b)).map(name => join(folder, name))

/** Of whole lines, in the order of the files. */
function idsIn(folder: string): string[] {
  return logs(folder).flatMap(file => readFileSync(file, 'utf8').split('\n').slice(0, -1)).flatMap((text) => {
    try {
      return [(JSON.parse(text) as { auditID: string }).auditID]
    } catch {
      return []
    }
  })
}

const noMount = 'no file system can be mounted here'

t.test('full, and free again, over and over: lines in are lines out and dropped ones', async (t) => {
  const disk = smallDisk(t, 1024)
  if (disk === undefined) return t.pass('a disk that is full', { skip: noMount })
  const { sink, report } = start(disk.folder, { maxHeld: 40 * line('0-00').length })
  const given: string[] = []
  for (let round = 0; round < 4; round++) {
    disk.fill()
    const id = `${round}-now`
    given.push(id)
    for (let number = 0; number < 60; number++) {
      given.push(`${round}-${number}`)
      sink.write(line(`${round}-${number}`))
    }
    const before = report.errors.length
    // What was left of the last page may take some lines.
    await until(() => report.errors.length > before)
    t.notOk(sink.healthy())
    await t.rejects(sink.writeNow(line(id)))
    t.ok(report.errors.some(error => (error.cause as NodeJS.ErrnoException).code === 'ENOSPC'))
    disk.free()
    await until(() => sink.healthy())
    await sink.writeNow(line(`${round}-after`))
    given.push(`${round}-after`)
  }
  await sink.close()
  const written = idsIn(disk.folder)
  t.equal(new Set(written).size, written.length, 'none twice')
  t.equal(written.length + report.dropped, given.length)
  t.ok(report.dropped > 0)
  for (let round = 0; round < 4; round++) t.ok(written.includes(`${round}-after`))
  const { fault, cut } = await verifyChain(logs(disk.folder))
  t.equal(fault, undefined)
  t.comment(`${given.length} lines given, ${written.length} written, ${report.dropped} dropped, ${cut.length} pieces of lines, ${report.errors.length} failed writes`)
})

t.test('full while files are put aside, signed and compressed: nothing is taken for tampering afterwards', async (t) => {
  const disk = smallDisk(t, 512)
  if (disk === undefined) return t.pass('a disk that is full', { skip: noMount })
  const sign = await createSign(join(keys, 'signing.pem'), { allowLoose: false })
  let now = Date.now()
  const { sink, report } = start(disk.folder, { maxSize: 4000, sign, compress: true, now: () => now })
  const given: string[] = []
  const write = async (id: string) => {
    given.push(id)
    await sink.writeNow(line(id)).catch(() => {})
    // A file that could not be put aside is left alone for a minute.
    now += 61_000
  }
  for (let round = 0; round < 5; round++) {
    for (let number = 0; number < 12; number++) {
      if (number === 5) disk.fill()
      await write(`${round}-${number}`)
    }
    disk.free()
    await until(() => sink.healthy())
  }
  await sink.close()
  t.equal(report.dropped, 0)
  const files = readdirSync(disk.folder).filter(name => name.startsWith('audit') && !/\.jws$|\.part$/.test(name)).map(name => join(disk.folder, name))
  const { fault, lines } = await verifyChain(files, { publicKeyFile })
  t.equal(fault, undefined)
  t.equal(lines, given.length)
  t.comment(`${given.length} lines in ${files.length} files, ${report.errors.length} failures`)
})

t.test('half a signature, as a crash or a full disk leaves it, spoils none of the next ones', async (t) => {
  const folder = t.testdir()
  const sign = await createSign(join(keys, 'signing.pem'), { allowLoose: false })
  const first = start(folder, { sign })
  await first.sink.writeNow(line('first'))
  await first.sink.close()
  const beside = join(folder, 'audit.log.jws')
  appendFileSync(beside, readFileSync(beside, 'utf8').slice(0, 100))
  t.match(await verifyChain(logs(folder), { publicKeyFile }), { fault: undefined, signed: { signatures: 1, upTo: 1 } })
  const second = start(folder, { sign })
  await second.sink.writeNow(line('second'))
  await second.sink.close()
  t.match(await verifyChain(logs(folder), { publicKeyFile }), { fault: undefined, signed: { signatures: 2, upTo: 2 } })
})
