import { Type } from '../files/shape.ts'
import { duration, section, text } from './fields.ts'
import { inline, webhookCredential } from './schema-credentials.ts'

const insecure = 'does not exist: TLS is always verified; name the CA with caFile'

const throttle = section({
  perSecond: Type.Number({ default: 10, exclusiveMinimum: 0, maximum: 1_000_000, description: 'So many POSTs a second, in the long run.' }),
  burst: Type.Integer({ default: 15, minimum: 1, maximum: 1_000_000, description: 'So many at once, after a pause.' }),
}, { default: {}, description: 'In the mode batch alone.' })

/** Defaults as of the API server's own flags (`--audit-webhook-*`). */
export const webhook = section({
  url: Type.Optional(text({ description: 'Where events are posted: https://host[:port][/path]; http to loopback alone. May be left out where the credential is kubeconfig.' })),
  caFile: Type.Optional(text({ description: 'PEM file of its CA, read at the start; default: the CAs that Node trusts. TLS is always verified.' })),
  tlsServerName: Type.Union([Type.String({ pattern: '^[A-Za-z0-9.-]+$' }), Type.Null()], {
    title: 'a host name or null', default: null, description: 'Name to verify in the certificate, and to send as SNI; default: the host of the URL.',
  }),
  credential: Type.Optional(webhookCredential),
  maxBatchSize: Type.Integer({ default: 400, minimum: 1, maximum: 100_000, description: 'Events in one POST at most.' }),
  maxWait: duration({ default: '30s', description: 'How long an event waits for others, in the mode batch; in the others none waits.' }),
  bufferSize: Type.Integer({ default: 10_000, minimum: 1, maximum: 10_000_000, description: 'Events held while it is slow or down (and at most 64 MiB); more are dropped, and counted.' }),
  initialBackoff: duration({
    default: '10s',
    description: 'Pause after a failed POST: doubled with each, up to a minute. In the modes in which requests wait it begins at 500ms, and this is the longest.',
  }),
  timeout: duration({ default: '30s', description: 'How long a POST may take, with its answer.' }),
  throttle,
}, {
  description: 'Events as audit.k8s.io/v1 EventLists, by POST, as the API server sends them to its own audit webhook.',
  'x-unknown': { insecureSkipTlsVerify: insecure, 'insecure-skip-tls-verify': insecure, insecure, token: inline, kubeconfig: 'belongs into credential: { kubeconfig: { file: … } }' },
})
