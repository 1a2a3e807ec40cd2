// The credential of a cluster that was replaced: what is under way goes on with what it has. Those that renew themselves: renewing.test.ts.
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createClientCertificate } from '../../src/credentials/client-certificate.ts'
import type { Credential } from '../../src/credentials/credential.ts'
import { createInCluster } from '../../src/credentials/in-cluster.ts'
import { createKubeconfig } from '../../src/credentials/kubeconfig.ts'
import { readKubeconfig } from '../../src/credentials/kubeconfig-file.ts'
import { createTokenFile } from '../../src/credentials/token-file.ts'
import { makeAuthority } from '../support/certificates.ts'
import { kubeconfigOf } from '../support/kubeconfigs.ts'

const authority = makeAuthority()
const [one, two] = [authority.issue({ commonName: 'one' }), authority.issue({ commonName: 'two' })]

type Put = (name: string, text: string) => string

/** Each as it is before, and what its files become after it was closed. */
const followed: readonly (readonly [kind: string, make: (put: Put, warn: (message: string) => void) => Promise<Credential>, change: (put: Put) => void])[] = [
  ['tokenFile', (put, warn) => createTokenFile({ path: put('token', 'one'), allowLoose: false, warn }), put => put('token', 'two')],
  ['tokenFile that turns bad', (put, warn) => createTokenFile({ path: put('token', 'one'), allowLoose: false, warn }), put => put('token', '')],
  ['inCluster', (put, warn) => createInCluster({ folder: join(put('token', 'one'), '..'), warn }), put => put('token', 'two')],
  ['clientCertificate', (put, warn) => createClientCertificate({ certFile: put('a.crt', one.cert), keyFile: put('a.key', one.key), allowLoose: false, warn }), (put) => {
    put('a.crt', two.cert)
    put('a.key', two.key)
  }],
  ['kubeconfig', async (put, warn) => {
    const source = { file: put('config', kubeconfigOf({ user: { token: 'one' } })), context: undefined, allowLoose: false }
    return createKubeconfig({ ...source, made: await readKubeconfig(source), warn })
  }, put => put('config', kubeconfigOf({ user: { token: 'two' } }))],
]

function folderOf(t: Test): Put {
  const folder = t.testdir({})
  return (name, text) => {
    const file = join(folder, name)
    writeFileSync(file, text)
    chmodSync(file, 0o600)
    return file
  }
}

for (const [kind, make, change] of followed) {
  t.test(`${kind}: what its files hold after it was closed is not taken, by a 401 neither`, async (t) => {
    const put = folderOf(t)
    const warnings: string[] = []
    const credential = await make(put, message => warnings.push(message))
    const presented = credential.present()
    credential.close()
    change(put)
    t.equal(await credential.renew(presented), false)
    t.equal(credential.present(), presented)
    t.strictSame(warnings, [])
  })
}
