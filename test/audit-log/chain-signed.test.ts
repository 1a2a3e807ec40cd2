// What links cannot tell, signatures do: a log rewritten to its end, and an end that was cut off.
import { generateKeyPairSync } from 'node:crypto'
import { appendFileSync, chmodSync, readdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createChain } from '../../src/audit-log/chain.ts'
import { createSign } from '../../src/audit-log/chain-sign.ts'
import { verifyChain } from '../../src/audit-log/chain-verify.ts'
import { createFileSink } from '../../src/audit/sinks/file.ts'
import { eventLine } from '../support/chained.ts'
import { runCommand } from '../support/run-command.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519', { privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } })
const keys = t.testdir({ 'signing.pem': privateKey, 'public.pem': publicKey })
const [signingKeyFile, publicKeyFile] = [join(keys, 'signing.pem'), join(keys, 'public.pem')]
chmodSync(signingKeyFile, 0o600)

/** Held: node ends a process in which an open file is garbage. */
const killed: unknown[] = []

/** As one process from its start to its end, clean or not. */
async function run(folder: string, ids: readonly string[], { clean = true } = {}) {
  const sign = await createSign(signingKeyFile, { allowLoose: false })
  const sink = createFileSink({ path: join(folder, 'audit.log'), maxSize: 2500, keep: 100, chain: createChain(), wait: 1, sign })
  const errors: Error[] = []
  sink.attach({ dropped() {}, failed: error => { errors.push(error) } })
  for (const id of ids) await sink.writeNow(eventLine(id))
  if (clean) await sink.close()
  else killed.push(sink)
  return errors
}

const ids = (count: number, name = 'id') => Array.from({ length: count }, (_, i) => `${name}-${i}`)
const logs = (folder: string) => readdirSync(folder).filter(name => !name.endsWith('.jws')).map(name => join(folder, name))
const verify = (folder: string) => verifyChain(logs(folder), { publicKeyFile })

/** All lines anew from some line on, with links that fit, as an attacker can who may write the files. */
function rewrite(folder: string, from: number): void {
  const files = logs(folder).sort((a, b) => Number(a.endsWith('audit.log')) - Number(b.endsWith('audit.log')) || a.localeCompare(b))
  const chain = createChain()
  let number = 0
  for (const file of files) {
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => {
      number += 1
      const { annotations, ...event } = JSON.parse(line) as { annotations: Record<string, string> }
      const own = Object.fromEntries(Object.entries(annotations).filter(([name]) => !/previous-sha256|sequence/.test(name)))
      return `${JSON.stringify({ ...event, ...number === from ? { verb: 'forged' } : {}, annotations: own })}\n`
    })
    const linked = chain.link(Buffer.from(lines.join('')))
    chain.wrote(linked, linked.bytes.length)
    writeFileSync(file, linked.bytes)
  }
}

t.test('every file that is put aside is signed, and the end of a process that was stopped', async (t) => {
  const folder = t.testdir()
  t.strictSame(await run(folder, ids(12)), [])
  await run(folder, ids(5, 'next'))
  const verified = await verify(folder)
  t.match(verified, { fault: undefined, lines: 17, signed: { upTo: 17 } })
  t.ok(verified.files.length > 3)
  for (const file of verified.files) t.equal(statSync(`${file}.jws`).mode & 0o777, 0o600)
  t.match(await verifyChain(readdirSync(folder).map(name => join(folder, name)), { publicKeyFile }), { fault: undefined, files: verified.files }, 'signatures may be named among the files')
  t.ok(verified.signed!.signatures > verified.files.length, 'what one process signed at its end stays')
})

t.test('the end of a process that was killed is not signed yet, and that is said', async (t) => {
  const folder = t.testdir()
  await run(folder, ids(10), { clean: false })
  const { fault, signed, lines } = await verify(folder)
  t.strictSame([fault, lines], [undefined, 10])
  t.ok(signed!.upTo > 0 && signed!.upTo < 10)
  const { code, stdout } = await runCommand(['audit', 'verify', '--public-key', publicKeyFile, ...logs(folder)])
  t.equal(code, 0)
  t.match(stdout, /are not signed yet: whether they were rewritten, or more of them cut off, is not known/)
})

t.test('a log that was rewritten to its end has a sound chain, and is found by its signatures', async (t) => {
  const folder = t.testdir()
  await run(folder, ids(12))
  rewrite(folder, 6)
  t.match(await verifyChain(logs(folder)), { fault: undefined }, 'links alone do not tell')
  const { files } = await verify(folder)
  t.match((await verify(folder)).fault, { kind: 'changed', message: /not what was signed/ })
  t.ok(files.indexOf((await verify(folder)).fault!.at.file) > 0, 'in the file of line 6, not the first')
})

t.test('an end that was cut off at a line\'s end is missing', async (t) => {
  const folder = t.testdir()
  await run(folder, ids(11))
  const path = join(folder, 'audit.log')
  const lines = readFileSync(path, 'utf8').split('\n')
  t.ok(lines.length > 2)
  writeFileSync(path, lines.slice(0, -2).map(line => `${line}\n`).join(''))
  t.match((await verifyChain(logs(folder))).fault, undefined)
  t.match((await verify(folder)).fault, { kind: 'missing', at: { file: path, line: lines.length - 1 }, message: /^the end was cut off: lines 11 to 11/ })
  truncateSync(path)
  t.match((await verify(folder)).fault, { kind: 'missing', message: /^the end was cut off/ })
})

t.test('the last line of all, changed, is found', async (t) => {
  const folder = t.testdir()
  await run(folder, ids(11))
  const path = join(folder, 'audit.log')
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, text.replace('"auditID":"id-10"', '"auditID":"id-xx"'))
  t.match((await verify(folder)).fault, { kind: 'changed', at: { file: path, line: text.split('\n').length - 1 } })
})

t.test('the first lines of a signed file, removed, are missing', async (t) => {
  const folder = t.testdir()
  await run(folder, ids(12))
  const [oldest = '', ...others] = (await verify(folder)).files
  t.match((await verifyChain(others, { publicKeyFile })).fault, undefined, 'a whole file that is gone is what keep does')
  const lines = readFileSync(oldest, 'utf8').split('\n')
  writeFileSync(oldest, lines.slice(1).join('\n'))
  t.match((await verify(folder)).fault, { kind: 'missing', at: { file: oldest, line: 1 } })
})

t.test('signatures that were taken away, forged, or are of another key', async (t) => {
  const folder = t.testdir()
  await run(folder, ids(12))
  const { files } = await verify(folder)
  for (const file of files.slice(-2)) renameSync(`${file}.jws`, `${file}.jws.away`)
  t.match((await verifyChain(files, { publicKeyFile })).fault, { kind: 'unsigned', at: { file: files.at(-2) } })
  for (const file of files.slice(-2)) renameSync(`${file}.jws.away`, `${file}.jws`)

  const [path = ''] = files
  const jws = readFileSync(`${path}.jws`, 'utf8')
  const [header, , signature] = jws.split('.')
  writeFileSync(`${path}.jws`, `${header}.${Buffer.from('{}').toString('base64url')}.${signature}`)
  t.match((await verify(folder)).fault, { kind: 'bad-signature', at: { file: `${path}.jws`, line: 1 } })
  writeFileSync(`${path}.jws`, jws)
  const other = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' })
  const otherFile = join(keys, 'other.pem')
  writeFileSync(otherFile, other)
  t.match((await verifyChain(files, { publicKeyFile: otherFile })).fault, { kind: 'bad-signature' })

  for (const file of files) rmSync(`${file}.jws`)
  t.match((await verify(folder)).fault, { kind: 'unsigned' })
  appendFileSync(`${path}.jws`, jws.slice(0, 50))
  t.match((await verify(folder)).fault, { kind: 'unsigned' }, 'half a signature is none')
})

t.test('a file that is put aside while the process that wrote its beginning was killed is signed as a whole', async (t) => {
  const folder = t.testdir()
  await run(folder, ids(2), { clean: false })
  await run(folder, ids(9, 'next'))
  t.match(await verify(folder), { fault: undefined, lines: 11, signed: { upTo: 11 } })
})

t.test('a key that is none, of another kind, or open to everybody is refused, and its text is not repeated', async (t) => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' })
  const folder = t.testdir({ 'none.pem': 'hunter2', 'rsa.pem': rsa, 'loose.pem': privateKey })
  for (const name of ['none.pem', 'rsa.pem']) chmodSync(join(folder, name), 0o600)
  chmodSync(join(folder, 'loose.pem'), 0o644)
  const open = (name: string) => createSign(join(folder, name), { allowLoose: false })
  await t.rejects(open('none.pem'), { message: /none\.pem does not hold a private Ed25519 key in PEM \(PKCS#8\): openssl genpkey/ })
  await t.rejects(open('rsa.pem'), { message: /a key of type rsa, not a private Ed25519 key/ })
  await t.rejects(open('loose.pem'), { message: /open to every user of this machine/ })
  await t.rejects(open('gone.pem'), { message: /gone\.pem does not exist/ })
  const { code, stderr } = await runCommand(['audit', 'verify', '--public-key', join(folder, 'none.pem'), signingKeyFile])
  t.equal(code, 2)
  t.match(stderr, /does not hold a public Ed25519 key in PEM: openssl pkey/)
  t.notMatch(stderr, /hunter2/)
})

t.test('what cannot be signed is told, and not put aside', async (t) => {
  const folder = t.testdir()
  const errors: string[] = []
  const sink = createFileSink({ path: join(folder, 'audit.log'), maxSize: 2500, keep: 100, chain: createChain(), wait: 1, sign: () => Promise.reject(new Error('no key')) })
  sink.attach({ dropped() {}, failed: error => { errors.push(error.message) } })
  for (const id of ids(6)) await sink.writeNow(eventLine(id))
  await sink.close()
  t.strictSame(readdirSync(folder), ['audit.log'])
  t.strictSame(errors, ['the audit file could not be put aside', 'the end of the audit file could not be signed'])
  t.match(await verifyChain([join(folder, 'audit.log')]), { fault: undefined, lines: 6 })
})
