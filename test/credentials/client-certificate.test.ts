import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createClientCertificate } from '../../src/credentials/client-certificate.ts'
import { describeCredential } from '../../src/credentials/describe.ts'
import { makeAuthority, type Issued } from '../support/certificates.ts'
import { handWatch } from '../support/hand-watch.ts'
import { until } from '../support/until.ts'

const authority = makeAuthority('cluster CA')
const notAfter = Math.floor(Date.now() / 1000) * 1000 + 86_400_000
const first = authority.issue({ commonName: 'system:serviceaccount:tools:portcullis', notAfter })
const second = authority.issue({ commonName: 'portcullis-2' })

interface Folders { testdir(files: Record<string, string>): string }

function pairIn(t: Folders, { cert, key }: Issued) {
  const folder = t.testdir({ 'tls.crt': cert, 'tls.key': key })
  const files = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') }
  chmodSync(files.certFile, 0o644)
  chmodSync(files.keyFile, 0o600)
  return files
}

const quiet = { allowLoose: false, warn: () => undefined }

t.test('the pair is presented, without any Authorization, and tells whose it is and until when', async (t) => {
  const { watch, state } = handWatch()
  const files = pairIn(t, first)
  const credential = await createClientCertificate({ ...quiet, ...files, watch })
  t.strictSame(credential.present(), { authorization: undefined, certificate: first })
  t.strictSame(state.paths, [files.certFile, files.keyFile])
  t.match(credential.facts(), { kind: 'clientCertificate', claims: { account: { namespace: 'tools', name: 'portcullis' }, expiresAt: notAfter, boundTo: [] }, trouble: undefined })
  t.equal(describeCredential(credential.facts()), `the certificate ${files.certFile}, of system:serviceaccount:tools:portcullis, `
    + `until ${new Date(notAfter).toISOString()}, issued by CN=cluster CA`)
  t.notMatch(JSON.stringify(credential.facts()), /PRIVATE|BEGIN/)
  credential.close()
  t.equal(state.closed, true)
})

t.test('while only one of the two files is new the last good pair stays, and both together are the next one', async (t) => {
  const { watch, state } = handWatch()
  const files = pairIn(t, first)
  const warnings: string[] = []
  const credential = await createClientCertificate({ ...files, allowLoose: false, warn: message => warnings.push(message), watch })
  const before = credential.present()
  writeFileSync(files.certFile, second.cert)
  state.change()
  await until(() => warnings.length === 1)
  t.equal(warnings[0], `the certificate ${files.certFile} with the key ${files.keyFile}: the private key is not that of the certificate `
    + '(the first one, where there is a chain); the last good one stays in use')
  t.equal(credential.present(), before)
  t.equal(credential.facts().trouble === undefined, false)
  writeFileSync(files.keyFile, second.key)
  state.change()
  await until(() => credential.present() !== before)
  t.strictSame(credential.present().certificate, second)
  t.match(credential.facts(), { claims: { user: 'portcullis-2' }, trouble: undefined })
})

t.test('a mounted Secret is followed through its symlink swap', async (t) => {
  const folder = t.testdir({ '..v1': { 'tls.crt': first.cert, 'tls.key': first.key } })
  chmodSync(join(folder, '..v1', 'tls.key'), 0o440)
  symlinkSync('..v1', join(folder, '..data'))
  for (const name of ['tls.crt', 'tls.key']) symlinkSync(`..data/${name}`, join(folder, name))
  const credential = await createClientCertificate({
    certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key'), allowLoose: false, warn: message => t.fail(message),
  })
  t.teardown(() => credential.close())
  mkdirSync(join(folder, '..v2'))
  writeFileSync(join(folder, '..v2', 'tls.crt'), second.cert)
  writeFileSync(join(folder, '..v2', 'tls.key'), second.key, { mode: 0o440 })
  symlinkSync('..v2', join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  await until(() => credential.present().certificate?.cert === second.cert)
  t.equal(credential.facts().claims.user, 'portcullis-2')
})

t.test('renewing rereads at once, and the same pair once more is no other one', async (t) => {
  const { watch } = handWatch()
  const files = pairIn(t, first)
  const credential = await createClientCertificate({ ...quiet, ...files, watch })
  const rejected = credential.present()
  t.equal(await credential.renew(rejected), false)
  t.equal(credential.present(), rejected)
  writeFileSync(files.certFile, second.cert)
  writeFileSync(files.keyFile, second.key)
  t.equal(await credential.renew(rejected), true)
})

t.test('of a chain all goes up, leaf first, and of a file with both only what each is for', async (t) => {
  const { watch } = handWatch()
  const both = `Bag Attributes\n${first.cert}${first.key}${authority.ca}`
  const files = pairIn(t, { cert: both, key: both })
  chmodSync(files.certFile, 0o600)
  const credential = await createClientCertificate({ ...quiet, ...files, watch })
  t.equal(credential.present().certificate?.cert, `${first.cert}${authority.ca}`)
  t.equal(credential.facts().claims.user, 'system:serviceaccount:tools:portcullis')
})

const encrypted = { cipher: 'aes-256-cbc', passphrase: 'S3cret', format: 'pem' } as const
const faults: readonly [what: string, pair: Issued, message: RegExp][] = [
  ['no certificate', { cert: 'S3cret', key: first.key }, /: there is no certificate in PEM/],
  ['a certificate that ends in the middle', { cert: `${first.cert}${authority.ca.slice(0, 200)}`, key: first.key }, /: the certificate is broken$/],
  ['a certificate that is none', { cert: first.cert.replace(/[A-Z]{2}/g, 'S3'), key: first.key }, /: (the certificate is broken|there is no certificate in PEM.*)$/],
  ['no key', { cert: first.cert, key: 'S3cret' }, /: there is no private key in PEM/],
  ['a certificate for a key', { cert: first.cert, key: first.cert }, /: there is no private key in PEM/],
  ['a key that is none', { cert: first.cert, key: '-----BEGIN PRIVATE KEY-----\nS3cret\n-----END PRIVATE KEY-----\n' }, /: the private key is broken$/],
  ['the key of another', { cert: first.cert, key: second.key }, /: the private key is not that of the certificate/],
  ['the authority before the leaf', { cert: authority.ca + first.cert, key: first.key }, /: the private key is not that of the certificate \(the first one/],
  ['a key that is too short for TLS', authority.issue({ pair: generateKeyPairSync('rsa', { modulusLength: 512 }) }), /: TLS does not take the certificate/],
  ['an encrypted key', { cert: first.cert, key: createPrivateKey(first.key).export({ type: 'pkcs8', ...encrypted }).toString() }, /: the private key is encrypted, and nobody is there/],
  ['an encrypted key of the old kind', { cert: first.cert, key: createPrivateKey(first.key).export({ type: 'sec1', ...encrypted }).toString() }, /: the private key is encrypted/],
]

for (const [what, pair, message] of faults) {
  t.test(`${what} is no start, nothing of it is repeated, and nothing is followed`, async (t) => {
    const { watch, state } = handWatch()
    const error = await createClientCertificate({ ...quiet, ...pairIn(t, pair), watch }).then(() => undefined, (error: Error) => error)
    t.match(error?.message, message)
    t.notMatch(error?.message, /S3cret/)
    t.equal(state.closed, true)
  })
}

t.test('a file that is not there is named', async (t) => {
  const { watch } = handWatch()
  const files = pairIn(t, first)
  await t.rejects(createClientCertificate({ ...quiet, ...files, certFile: '/nowhere/tls.crt', watch }), { message: 'the file /nowhere/tls.crt does not exist' })
  await t.rejects(createClientCertificate({ ...quiet, ...files, keyFile: '/nowhere/tls.key', watch }), { message: 'the file /nowhere/tls.key does not exist' })
})

t.test('a key that every user may read is refused, unless that is allowed; a certificate may be public', async (t) => {
  const { watch } = handWatch()
  const files = pairIn(t, first)
  chmodSync(files.keyFile, 0o644)
  await t.rejects(createClientCertificate({ ...quiet, ...files, watch }), { message: /tls\.key is open to every user of this machine/ })
  t.ok(await createClientCertificate({ ...quiet, ...files, allowLoose: true, watch }))
})

t.test('a certificate file that holds the key as well is as secret as it', async (t) => {
  const { watch } = handWatch()
  const files = pairIn(t, { cert: first.cert + first.key, key: first.key })
  await t.rejects(createClientCertificate({ ...quiet, ...files, watch }), { message: /tls\.crt is open to every user of this machine/ })
  t.ok(await createClientCertificate({ ...quiet, ...files, allowLoose: true, watch }))
})
