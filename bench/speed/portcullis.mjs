// Ours: a thousand callers with twenty rules each, every request recorded at Metadata in a file.
import { digestKey } from '../../dist/keys/key.js'

/** As a team's: reads of its own namespaces, a few writes; of those who ask here the last rules are the ones that match. */
export function rulesOf(caller, count) {
  const others = Array.from({ length: Math.max(0, count - 4) }, (_, rule) => ({
    apiGroups: [`group-${rule}.example.com`], resources: [`widgets${rule}`, `widgets${rule}/status`], verbs: ['get', 'list', 'watch'], namespaces: [`team-${caller}`, `team-${caller}-*`],
  }))
  const own = [
    { apiGroups: [''], resources: ['configmaps'], verbs: ['create'], namespaces: ['team-1'] },
    { apiGroups: [''], resources: ['pods/exec'], verbs: ['create', 'get'], namespaces: ['team-1'] },
    { nonResourceURLs: ['/metrics'], verbs: ['get'] },
    { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list', 'watch'], namespaces: ['team-1'] },
  ]
  return [...others, ...own].slice(-count)
}

export function callersFile({ minted, rules = 20 }) {
  return JSON.stringify({
    callers: minted.map(({ id, key }, index) => ({
      name: `caller-${index}`, rules: rulesOf(index, rules), keys: [{ id, sha256: digestKey(key).toString('hex') }],
    })),
  })
}

export function portcullisConfig({ port, upstream, certificate, config, clusters = 1 }) {
  return JSON.stringify({
    listen: { host: '127.0.0.1', port, ...certificate === undefined ? {} : { tls: { certFile: 'tls.crt', keyFile: 'tls.key' } } },
    admin: { port: 0 },
    callers: { file: 'callers.yaml' },
    clusters: Array.from({ length: clusters }, (_, index) => ({ name: `bench-${index}`, server: upstream.url, caFile: 'ca.crt', credential: { tokenFile: 'token' }, openshift: false, http2: upstream.http2 === true })),
    audit: { policy: [{ level: 'Metadata' }], sinks: [{ file: { path: 'audit.log', maxSize: '4096MiB' } }] },
    ...config,
  })
}
