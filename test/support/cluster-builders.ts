import { createCluster, type AskedCluster, type ClusterOptions } from '../../src/clusters/create-cluster.ts'
import { noClaims } from '../../src/credentials/claims.ts'
import type { Credential, Presented } from '../../src/credentials/credential.ts'
import type { Scope } from './scope.ts'

export interface TestCredential extends Credential {
  token: string
  /** What the next `renew` turns the token into; undefined: there is no newer one. */
  next: string | undefined
  readonly rejected: (string | undefined)[]
  closed: boolean
}

/** A token that changes when told to. */
export function credentialOf(token: string): TestCredential {
  let presented: Presented = { authorization: `Bearer ${token}`, certificate: undefined }
  const account = { namespace: 'portcullis', name: 'proxy' }
  const claims = { ...noClaims, account, user: 'system:serviceaccount:portcullis:proxy' }
  const credential: TestCredential = {
    token, next: undefined, rejected: [], closed: false,
    present() {
      const authorization = `Bearer ${credential.token}`
      if (presented.authorization !== authorization) presented = { authorization, certificate: undefined }
      return presented
    },
    async renew(rejected) {
      credential.rejected.push(rejected.authorization)
      if (credential.next === undefined) return false
      credential.token = credential.next
      return true
    },
    facts: () => ({ kind: 'tokenEnv', source: 'a token for tests', renewal: 'never', claims, trouble: undefined }),
    close: () => { credential.closed = true },
  }
  return credential
}

/** A cluster for a server under test; both agents are closed for good with the test. */
export function clusterFor(
  t: Scope, { url, ca }: { readonly url: string, readonly ca: string }, overrides: Partial<ClusterOptions> = {},
): AskedCluster {
  const cluster = createCluster({
    name: 'prod', server: url, ca, tlsServerName: undefined, credential: credentialOf('upstream-token'),
    timeouts: { connect: 25_000, response: 30_000 }, openshift: false, ownNamespaces: [],
    ...overrides,
  })
  t.teardown(async () => {
    await Promise.all([cluster.short.destroy(), cluster.long.destroy(), cluster.own.destroy()])
    await cluster.close().catch(() => { /* closed already */ })
  })
  return cluster
}
