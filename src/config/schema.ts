import { Type } from '../files/shape.ts'
import type { Static } from '../files/shape.ts'
import { choice, duration, oneOf, section, size, text, texts } from './fields.ts'
import { policyRule, stages } from './schema-audit-policy.ts'
import { cluster } from './schema-clusters.ts'
import { admin, limits, listen, log } from './schema-listen.ts'
import { recordings } from './schema-recordings.ts'
import { webhook } from './schema-webhook.ts'

const callers = oneOf({
  file: Type.Union([text({ description: 'A file or a folder.' }), texts({ description: 'Several.' })], {
    title: 'a file, a folder, or a list of them',
    description: 'File with callers and scopes, or a folder of such files, or a list of both.',
  }),
  kubernetes: section({
    namespace: Type.String({
      title: 'the name of a namespace', pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
      description: 'Where the objects callers.portcullis.dev and scopes.portcullis.dev are.',
    }),
    cluster: Type.Optional(text({ description: 'Name of the cluster that has them; default: that of self, else the first.' })),
  }, { description: 'Custom resources, which every replica follows.' }),
}, {
  default: { file: 'callers.yaml' },
  description: 'Where callers, their keys and their scopes are kept: files, or the Kubernetes API.',
})

const file = section({
  path: text({ description: 'The file.' }),
  maxSize: size({ default: '100MiB', description: 'The file is put aside when it grows beyond this.' }),
  keep: Type.Integer({ default: 10, minimum: 1, maximum: 1000, description: 'How many files put aside are kept.' }),
  maxAge: Type.Optional(duration({ description: 'The file is put aside when it is older, with the next event; default: never for its age.' })),
  keepFor: Type.Optional(duration({ description: 'A file put aside is deleted after this, also within keep; default: never for its age.' })),
  compress: Type.Boolean({ default: false, description: 'Compress what is put aside, into <file>.gz.' }),
  signingKeyFile: Type.Optional(text({ description: 'PEM file (PKCS#8) of an Ed25519 key: each file that is put aside, and the end at a shutdown, is signed with it, into <file>.jws.' })),
}, { description: 'Events as JSON lines in a file.' })

const sink = oneOf({ stdout: section({}, { description: 'Events as JSON lines on stdout.' }), file, webhook }, {
  description: 'Where events go: exactly one kind.',
})

const audit = section({
  policy: Type.Array(policyRule, { default: [], description: 'First match wins; Metadata for what no rule matches.' }),
  policyFile: Type.Optional(text({ description: 'An audit.k8s.io/v1 Policy, as an API server takes it, in the place of policy and omitStages.' })),
  omitStages: stages({ default: ['RequestReceived'], description: 'Stages that no event is written of. In blocking-strict RequestReceived is written all the same: without it nothing goes up.' }),
  maxBodySize: size({ default: '64KiB', description: 'Of a body that a level is for; a larger one is left out of the event, which says so.' }),
  recordings: Type.Optional(recordings),
  sinks: Type.Array(sink, { default: [{ stdout: {} }], minItems: 1, description: 'Every event goes to each.' }),
  mode: choice(['batch', 'blocking', 'blocking-strict'], {
    default: 'batch',
    description: 'batch: written beside the requests. blocking: a request waits for its event. blocking-strict: it is refused when its first event cannot be written.',
  }),
}, { default: {}, description: 'The record of who did what, as audit.k8s.io/v1 events.' })

const self = section({
  cluster: text({ description: 'Name of the cluster that Portcullis itself runs in.' }),
  namespace: text({ description: 'Its namespace there.' }),
}, { description: 'Where Portcullis itself runs, for the escalation guard; default: from the pod.' })

/** The config file. */
export const configSchema = section({
  listen,
  admin,
  workers: Type.Union([Type.Integer({ minimum: 1, maximum: 256 }), choice(['auto'], { description: 'One per core that this process may use, a container\'s CPU limit included.' })], {
    title: 'a number of at least 1, or auto', default: 1, description: 'Processes that serve, on the one port; with more than one, a further one keeps them running.',
  }),
  clusters: Type.Array(cluster, { minItems: 1, description: 'API servers; the first is the default one.' }),
  callers,
  audit,
  limits,
  self: Type.Optional(self),
  log,
}, { description: 'Portcullis: the proxy\'s config. Relative paths are relative to the file.' })

/** The config as written, checked, with defaults filled in; units not yet read. */
export type WrittenConfig = Static<typeof configSchema>
export type WrittenCluster = Static<typeof cluster>
