import { Type } from '../files/shape.ts'
import { choice, duration, section, size, text } from './fields.ts'
import { credential, inline } from './schema-credentials.ts'

const timeouts = section({
  connect: duration({ default: '5s', description: 'Longest time to a connection, TLS included.' }),
  response: duration({
    default: '70s',
    description: 'Longest time from the last byte of a request to the head of its answer, for what is not long-running (the API server\'s own limit is 60 s).',
  }),
}, { default: {}, description: 'How long to wait for this cluster.' })

const discovery = section({
  ttl: duration({ default: '10m', description: 'How long an answer is fresh.' }),
  staleFor: duration({ default: '24h', description: 'How long after that it is still served while upstream is down.' }),
  maxSize: size({ default: '64MiB', description: 'Most memory for this cluster\'s discovery documents.' }),
}, { default: {}, description: 'The cache of API discovery.' })

const insecure = 'does not exist: upstream TLS is always verified; name the cluster\'s CA with caFile'

export const cluster = section({
  name: Type.String({
    title: 'a name of lower-case letters, digits, - and . (it is part of URLs)',
    pattern: '^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$',
    description: 'The cluster is served at /clusters/<name>/; the first one at / as well.',
  }),
  server: Type.Optional(text({ description: 'URL of the API server: https://host[:port][/path]; may be left out where the credential is inCluster or kubeconfig.' })),
  caFile: Type.Optional(text({ description: 'PEM file of the CA of the API server; default: the CAs that Node trusts. Upstream TLS is always verified.' })),
  tlsServerName: Type.Union([Type.String({ pattern: '^[A-Za-z0-9.-]+$' }), Type.Null()], {
    title: 'a host name or null', default: null, description: 'Name to verify in the certificate, and to send as SNI; default: the host of the URL.',
  }),
  credential,
  timeouts,
  http2: Type.Boolean({
    default: false,
    description: 'Let long-running requests (watches, logs) share HTTP/2 connections to this cluster; default: one HTTP/1.1 connection each.',
  }),
  openshift: Type.Union([choice(['auto'], { description: 'Ask the cluster.' }), Type.Boolean()], {
    title: 'auto, true or false', default: 'auto',
    description: 'Whether this is OpenShift: auto asks whether it serves security.openshift.io.',
  }),
  discovery,
}, {
  description: 'An API server.',
  'x-unknown': { insecureSkipTlsVerify: insecure, 'insecure-skip-tls-verify': insecure, insecure, token: inline },
})
