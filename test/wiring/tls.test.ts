import { join } from 'node:path'
import t from 'tap'
import type { Config } from '../../src/config/config.ts'
import { CertificateWatch, readCa, readTls } from '../../src/wiring/tls.ts'
import { makeAuthority } from '../support/certificates.ts'
import { handWatch } from '../support/hand-watch.ts'

const authority = makeAuthority()
const other = makeAuthority().issue()
const { cert, key } = authority.issue()

t.test('what is no certificate is refused by the name of its file, before anything is changed', async (t) => {
  const folder = t.testdir({ 'tls.crt': cert, 'tls.key': key, 'other.key': other.key, 'ca.crt': authority.ca, 'empty': '', 'bad.crt': cert.slice(0, 200), 'half.crt': authority.ca + cert.slice(0, 200) })
  const file = (name: string) => join(folder, name)
  const read = (certFile: string, keyFile: string, clientCaFile?: string) => readTls({
    listen: { tls: { certFile: file(certFile), keyFile: file(keyFile), clientCaFile: clientCaFile === undefined ? undefined : file(clientCaFile) } },
  } as Parameters<typeof readTls>[0])

  t.match(await read('tls.crt', 'tls.key', 'ca.crt'), { cert, key, clientCa: authority.ca })
  t.equal(await readTls({ listen: { tls: undefined } } as Parameters<typeof readTls>[0]), undefined)
  await t.rejects(read('bad.crt', 'tls.key'), /bad\.crt/)
  await t.rejects(read('tls.crt', 'other.key'), /other\.key/)
  await t.rejects(read('tls.crt', 'tls.key', 'empty'), /empty holds no CA/)
  t.equal(await readCa(file('ca.crt')), authority.ca)
  for (const name of ['empty', 'tls.key', 'bad.crt', 'half.crt']) await t.rejects(readCa(file(name)), new RegExp(name), name)
})

t.test('one that is closed follows nothing, and what it was about to follow neither', async (t) => {
  const { state, watch } = handWatch()
  const certificates = new CertificateWatch(() => {}, watch)
  const following = certificates.follow({ tls: undefined } as Config['listen'], ['/ca.crt'])
  certificates.close()
  await following
  t.strictSame(state.paths, ['/ca.crt'])
  t.equal(state.closed, true)
})

t.test('what it begins to follow was read before, and is to be read again: it may have changed in between', async (t) => {
  const { state, watch } = handWatch()
  let told = 0
  const certificates = new CertificateWatch(() => { told += 1 }, watch)
  const follow = (...files: string[]) => certificates.follow({ tls: undefined } as Config['listen'], files)
  await follow()
  t.equal(told, 0, 'nothing')
  await follow('/ca.crt')
  t.equal(told, 1)
  await follow('/ca.crt')
  t.equal(told, 1, 'the same')
  await follow('/ca.crt', '/kubeconfig')
  t.equal(told, 2)
  state.change()
  t.equal(told, 3)
})
