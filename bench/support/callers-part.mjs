// A process that loads callers as the proxy does, and then decides about requests of theirs.
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createApiKeyAuthenticator } from '../../dist/authenticate/api-key.js'
import { createAuthorize } from '../../dist/authorize/authorize.js'
import { loadState } from '../../dist/callers/load-state.js'
import { resolveTarget } from '../../dist/resolve/resolve.js'
import { keysOf } from './callers-files.mjs'
import { serve } from './part.mjs'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')
const cluster = {
  name: 'bench', openshift: false, account: undefined, bootstrapAccount: undefined, accountPending: false,
  restrictedIn: new Set(), settled: true, ownNamespaces: [],
}
let state

serve({
  async load({ file }) {
    // What the load itself needs is there already, as in a process that reloads; the first of all loads counts that, too.
    const before = heap()
    const begun = performance.now()
    state = await loadState([file], { before: undefined })
    const ms = performance.now() - begun
    return { ms, callers: state.callers.length, rules: state.callers.reduce((sum, { grants }) => sum + grants.reduce((all, { rules }) => all + rules.length, 0), 0), bytes: heap() - before }
  },
  /** Microseconds of processor time for a request of one of the first `few` callers, and of any; and bytes that all of it holds afterwards. */
  async decide({ count, seed, few, shared, requests }) {
    const before = heap()
    const keys = keysOf(count, seed)
    const authenticator = createApiKeyAuthenticator({ callers: { findKey: (id) => state.keys.get(id) }, now: Date.now })
    const authorize = createAuthorize()
    const question = (index) => {
      const who = shared ? index % 100 : index
      return { attributes: resolveTarget('GET', `/api/v1/namespaces/team-${who}/pods/web-0`).attributes, upgrade: false, contentType: undefined, impersonation: undefined, cluster }
    }
    const whole = async (index) => authorize(await authenticator.authenticate({ rawHeaders: ['Authorization', `Bearer ${keys[index].key}`] }), question(index)).allowed
    const alone = (index) => authorize({ definition: state.callers[index] }, question(index)).allowed
    for (let index = 0; index < count; index++) if (!await whole(index)) throw new Error(`caller ${index} was refused`)
    const bytes = heap() - before
    return { whole: await compare(whole, { count, few, requests }), alone: await compare(alone, { count, few, requests }), bytes }
  },
})

/** The least of several rounds, by turns: the machine is shared. */
async function compare(work, { count, few, requests }) {
  const least = { few: Infinity, all: Infinity }
  for (let round = 0; round < 5; round++) {
    for (const [name, among] of [['few', few], ['all', count]]) least[name] = Math.min(least[name], await cost(work, among, requests))
  }
  return { ...least, ratio: least.all / least.few }
}

async function cost(work, among, requests) {
  const before = process.cpuUsage()
  // A prime, so that neighbours in memory are not asked one after the other.
  for (let index = 0; index < requests; index++) await work((index * 7919) % among)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / requests
}

function heap() {
  for (let i = 0; i < 2; i++) collect()
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
}
