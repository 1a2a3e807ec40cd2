// A process that loads callers as the proxy does, and then decides about requests of theirs.
import { Buffer } from 'node:buffer'
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createApiKeyAuthenticator } from '../../dist/authenticate/api-key.js'
import { createAuthorize } from '../../dist/authorize/authorize.js'
import { createFileCallers } from '../../dist/callers/file-store.js'
import { resolveTarget } from '../../dist/resolve/resolve.js'
import { keysOf } from './callers-files.mjs'
import { serve } from './part.mjs'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')
const cluster = {
  name: 'bench', openshift: false, account: undefined, bootstrapAccount: undefined, accountPending: false,
  restrictedIn: new Set(), settled: true, ownNamespaces: [],
}
/** Requests that are there at once. */
const batch = 500
let callers

serve({
  async load({ file }) {
    // What the load itself needs is there already, as in a process that reloads; the first of all loads counts that, too.
    const before = heap()
    const begun = performance.now()
    callers?.close()
    callers = await createFileCallers({ paths: [file], starting: true })
    return { ms: performance.now() - begun, bytes: heap() - before }
  },
  /** Microseconds of processor time for a request of one of the first `few` callers, and of any; and bytes that all of it holds afterwards. */
  async decide({ count, seed, few, shared, requests }) {
    const before = heap()
    const keys = keysOf(count, seed)
    const definitions = callers.all()
    const authenticator = createApiKeyAuthenticator({ callers, now: Date.now })
    const authorize = createAuthorize()
    const question = (index) => {
      const who = shared ? index % 100 : index
      return { attributes: resolveTarget('GET', `/api/v1/namespaces/team-${who}/pods/web-0`).attributes, upgrade: false, contentType: undefined, impersonation: undefined, cluster }
    }
    const whole = async (index, authorization) => authorize(await authenticator.authenticate({ rawHeaders: ['Authorization', authorization] }), question(index)).allowed
    const alone = (index) => authorize({ definition: definitions[index] }, question(index)).allowed
    // As a request brings it: text of its own, read from bytes, for any number of callers.
    const arrival = (index) => Buffer.from(`Bearer ${keys[index].key}`).toString('latin1')
    for (let index = 0; index < count; index++) if (!await whole(index, arrival(index))) throw new Error(`caller ${index} was refused`)
    const bytes = heap() - before
    const terms = { count, few, requests, arrival }
    return { whole: await compare(whole, terms), alone: await compare(alone, terms), bytes }
  },
})

/** The least of several rounds, by turns: the machine is shared. */
async function compare(work, { count, few, ...terms }) {
  const least = { few: Infinity, all: Infinity }
  for (let round = 0; round < 5; round++) {
    for (const [name, among] of [['few', few], ['all', count]]) least[name] = Math.min(least[name], await cost(work, { among, ...terms }))
  }
  return { ...least, ratio: least.all / least.few }
}

async function cost(work, { among, requests, arrival }) {
  let spent = 0
  for (let first = 0; first < requests; first += batch) {
    // By a prime, so that neighbours in memory are not asked one after the other.
    const asked = Array.from({ length: batch }, (_, index) => ((first + index) * 7919) % among)
    const arrivals = asked.map(arrival)
    const before = process.cpuUsage()
    for (const [index, caller] of asked.entries()) await work(caller, arrivals[index])
    const { user, system } = process.cpuUsage(before)
    spent += user + system
  }
  return spent / requests
}

function heap() {
  for (let i = 0; i < 2; i++) collect()
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
}
