import type { BaseLogger } from 'pino'
import type { Schedule } from '../schedule.ts'
import { createClient, type ClientOptions } from './client.ts'
import type { Cluster } from './cluster.ts'
import { detectOpenshift, type OpenshiftAnswer } from './openshift.ts'
import { OwnAccount } from './own-account.ts'
import { RestrictedNamespaces } from './scc.ts'

export interface ClusterOptions extends ClientOptions {
  readonly openshift: boolean | 'auto'
  /** Namespaces of this cluster that hold Portcullis itself or its callers. */
  readonly ownNamespaces: readonly string[]
  readonly log?: Pick<BaseLogger, 'debug' | 'warn'>
  readonly schedule?: Schedule
}

export interface AskedCluster extends Cluster {
  /** Resolves when whatever `facts` has to ask of the API server was tried once. */
  readonly tried: Promise<void>
  /** Resolves when all of it was answered; never where the cluster is closed before. */
  readonly told: Promise<void>
}

/** Opens no connection that its facts do not need. Throws for a `server` that is no https URL. */
export function createCluster(options: ClusterOptions): AskedCluster {
  const { name, credential, timeouts, ownNamespaces } = options
  const client = createClient(options)
  const { origin, basePath, tls, rejected, accepts } = client
  const asked = askFacts(options, client.fetch)
  return {
    name, origin, basePath, credential, timeouts, tls, rejected, accepts,
    async fetch(...question) {
      const answer = await client.fetch(...question)
      if (answer.status < 500) asked.reached()
      return answer
    },
    get short() { return client.short },
    get long() { return client.long },
    get own() { return client.own },
    tried: asked.tried,
    told: asked.told,
    facts: () => ({ name, ownNamespaces, ...asked.current() }),
    async close() {
      asked.close()
      await client.close()
    },
    async destroy() {
      asked.close()
      await client.destroy()
    },
  }
}

/** What the guard needs and no config tells. */
function askFacts(options: ClusterOptions, fetch: Cluster['fetch']) {
  const openshift = openshiftOf(options, fetch)
  const account = new OwnAccount({ ...options, fetch })
  const bootstrapAccount = bootstrapAccountOf(options)
  let restricted: RestrictedNamespaces | undefined
  let closed = false
  const tried = Promise.all([openshift.tried, account.tried]).then(async () => {
    if (closed) return
    restricted = new RestrictedNamespaces({ ...options, fetch, openshift: openshift.current, identity: () => account.identity() })
    await restricted.tried
  })
  let settled = false
  const told = Promise.all([openshift.answered, account.answered, bootstrapAccount?.answered, tried])
    // Of nobody nothing more is asked.
    .then(() => account.identity() === undefined ? undefined : restricted?.answered)
    .then(() => { settled = true })
  return {
    told,
    tried: Promise.all([tried, bootstrapAccount?.tried]).then(() => {}),
    current: () => {
      const [own, asking] = [account.current(), bootstrapAccount?.current()]
      const accountPending = own.pending || asking?.pending === true
      return {
        openshift: openshift.current(),
        account: own.account, bootstrapAccount: asking?.account, accountPending,
        restrictedIn: restricted?.current() ?? nowhere, settled: settled && !accountPending,
      }
    },
    /** The API server answers again, if it did not. */
    reached() {
      for (const each of [openshift, account, bootstrapAccount, restricted]) each?.soon()
    },
    close() {
      closed = true
      openshift.close()
      account.close()
      bootstrapAccount?.close()
      restricted?.close()
    },
  }
}

const nowhere: ReadonlySet<string> = new Set()

function bootstrapAccountOf(options: ClusterOptions): OwnAccount | undefined {
  const { bootstrap } = options.credential
  return bootstrap && new OwnAccount({
    ...options, credential: bootstrap.credential,
    // While ours works, one that is rejected is no reason to wait: nobody is stronger by it.
    fetch: (target, headers, more) => bootstrap.fetch(target, headers, { ...more, keep401: true }),
  })
}

function openshiftOf({ openshift, log }: ClusterOptions, fetch: Cluster['fetch']): OpenshiftAnswer {
  if (openshift === 'auto') return detectOpenshift({ fetch, log })
  return { current: () => openshift, tried: Promise.resolve(), answered: Promise.resolve(), soon() {}, close() {} }
}
