// Callers files of any size, and the keys of their callers.
import { createHash } from 'node:crypto'
import { randomBytes } from 'node:crypto'
import { mintKey } from '../../dist/keys/key.js'

const resources = [
  'pods', 'deployments', 'services', 'configmaps', 'jobs', 'events', 'endpoints', 'replicasets', 'statefulsets', 'daemonsets',
  'cronjobs', 'ingresses', 'pods/log', 'serviceaccounts', 'persistentvolumeclaims', 'nodes', 'leases', 'namespaces', 'limitranges', 'resourcequotas',
]

/** One of so many keys, the same in every process that is given the same seed. */
export function keysOf(count, seed = '') {
  return Array.from({ length: count }, (_, index) => {
    const random = (bytes) => createHash('shake256', { outputLength: bytes }).update(`${seed} ${index} ${bytes}`).digest()
    const { id, key } = mintKey(random)
    return { id, key, sha256: createHash('sha256').update(key).digest('hex') }
  })
}

export const freshSeed = () => randomBytes(16).toString('hex')

/** Rule `number` of those of `who`; the first lets everybody read pods in the namespace team-<who>. */
const rule = (who, number) => ({
  apiGroups: [['', 'apps', 'batch'][number % 3]], resources: [resources[number], resources[(number + 7) % 20]], verbs: ['get', 'list', 'watch'],
  namespaces: [`team-${who}`, `lab-${who}-*`],
})

/** `shared`: scopes of so many rules, a hundred; else each caller has its own. `changed`: of every so many callers, one is another. */
export function callersOf({ keys, rules, shared, changed }) {
  const rulesOf = (who) => Array.from({ length: rules }, (_, number) => rule(who, number))
  const scopes = shared ? Array.from({ length: 100 }, (_, who) => ({ name: `scope-${who}`, rules: rulesOf(who) })) : []
  const callers = keys.map(({ id, sha256 }, index) => ({
    name: `ci-${index}`,
    ...shared ? { scopes: [`scope-${index % 100}`] } : { rules: rulesOf(index) },
    keys: [{ id, sha256, createdAt: '2026-11-21T10:00:00Z' }],
    limits: { requestsPerSecond: 1000, burst: changed !== undefined && index % changed === 0 ? 2001 : 2000 },
  }))
  return { scopes, callers }
}

/** As people write it. */
export function toYaml({ scopes, callers }) {
  const list = (rules) => rules.map((one) => `      - ${flow(one)}\n`).join('')
  return [
    ...scopes.length === 0 ? [] : ['scopes:\n'],
    ...scopes.map(({ name, rules }) => `  - name: ${name}\n    rules:\n${list(rules)}`),
    'callers:\n',
    ...callers.map(({ name, scopes, rules, keys, limits }) => [
      `  - name: ${name}\n`,
      ...scopes === undefined ? [`    rules:\n${list(rules)}`] : [`    scopes: [${scopes.join(', ')}]\n`],
      `    keys:\n${list(keys)}    limits: ${flow(limits)}\n`,
    ].join('')),
  ].join('')
}

function flow(value) {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (typeof value === 'object') return `{ ${Object.entries(value).map(([name, one]) => `${name}: ${flow(one)}`).join(', ')} }`
  // An id may look like a number.
  return typeof value === 'number' || /^[a-z][\w/-]*$/i.test(value) ? String(value) : JSON.stringify(value)
}
