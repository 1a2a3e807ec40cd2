import type { Json, JsonObject } from './json.ts'
import { list, object, put } from './json.ts'
import { bytesOf, readFields, unwrapped } from './protobuf.ts'

/**
 * Field numbers of the messages that kubectl sends as protobuf, from the
 * `generated.proto` files of k8s.io/api. After the name: a scalar, the name
 * of another message, in brackets when repeated; a `!` keeps a zero.
 */
const messages: Readonly<Record<string, Readonly<Record<number, readonly [name: string, form: string]>>>> = {
  ObjectMeta: {
    1: ['name', 'string'], 2: ['generateName', 'string'], 3: ['namespace', 'string'], 5: ['uid', 'string'],
    6: ['resourceVersion', 'string'], 11: ['labels', 'strings'], 12: ['annotations', 'strings'], 14: ['finalizers', '[string]'],
  },
  ConfigMap: { 1: ['metadata', 'ObjectMeta'], 2: ['data', 'strings'], 3: ['binaryData', 'bytes'], 4: ['immutable', 'boolean'] },
  Secret: {
    1: ['metadata', 'ObjectMeta'], 2: ['data', 'bytes'], 3: ['type', 'string'], 4: ['stringData', 'strings'], 5: ['immutable', 'boolean'],
  },
  Namespace: { 1: ['metadata', 'ObjectMeta'] },
  ServiceAccount: { 1: ['metadata', 'ObjectMeta'], 4: ['automountServiceAccountToken', 'boolean!'] },
  Service: { 1: ['metadata', 'ObjectMeta'], 2: ['spec', 'ServiceSpec'] },
  ServiceSpec: {
    1: ['ports', '[ServicePort]'], 2: ['selector', 'strings'], 3: ['clusterIP', 'string'], 4: ['type', 'string'],
    5: ['externalIPs', '[string]'], 7: ['sessionAffinity', 'string'], 10: ['externalName', 'string'],
  },
  ServicePort: {
    1: ['name', 'string'], 2: ['protocol', 'string'], 3: ['port', 'integer'], 4: ['targetPort', 'IntOrString'], 5: ['nodePort', 'integer'],
  },
  IntOrString: { 1: ['type', 'integer'], 2: ['intVal', 'integer'], 3: ['strVal', 'string'] },
  Deployment: { 1: ['metadata', 'ObjectMeta'], 2: ['spec', 'DeploymentSpec'] },
  DeploymentSpec: {
    1: ['replicas', 'integer!'], 2: ['selector', 'LabelSelector'], 3: ['template', 'PodTemplateSpec'],
    5: ['minReadySeconds', 'integer'], 6: ['revisionHistoryLimit', 'integer!'], 7: ['paused', 'boolean'],
  },
  LabelSelector: { 1: ['matchLabels', 'strings'] },
  PodTemplateSpec: { 1: ['metadata', 'ObjectMeta'], 2: ['spec', 'PodSpec'] },
  Pod: { 1: ['metadata', 'ObjectMeta'], 2: ['spec', 'PodSpec'] },
  PodSpec: {
    2: ['containers', '[Container]'], 3: ['restartPolicy', 'string'], 4: ['terminationGracePeriodSeconds', 'integer!'],
    6: ['dnsPolicy', 'string'], 7: ['nodeSelector', 'strings'], 8: ['serviceAccountName', 'string'], 10: ['nodeName', 'string'],
  },
  Container: {
    1: ['name', 'string'], 2: ['image', 'string'], 3: ['command', '[string]'], 4: ['args', '[string]'], 5: ['workingDir', 'string'],
    6: ['ports', '[ContainerPort]'], 7: ['env', '[EnvVar]'], 14: ['imagePullPolicy', 'string'], 16: ['stdin', 'boolean'],
    17: ['stdinOnce', 'boolean'], 18: ['tty', 'boolean'],
  },
  ContainerPort: { 1: ['name', 'string'], 2: ['hostPort', 'integer'], 3: ['containerPort', 'integer'], 4: ['protocol', 'string'] },
  EnvVar: { 1: ['name', 'string'], 2: ['value', 'string'] },
  DeleteOptions: {
    1: ['gracePeriodSeconds', 'integer!'], 2: ['preconditions', 'Preconditions'], 3: ['orphanDependents', 'boolean'],
    4: ['propagationPolicy', 'string'], 5: ['dryRun', '[string]'],
  },
  Preconditions: { 1: ['uid', 'string'], 2: ['resourceVersion', 'string'] },
  TokenRequest: { 2: ['spec', 'TokenRequestSpec'] },
  TokenRequestSpec: { 1: ['audiences', '[string]'], 4: ['expirationSeconds', 'integer'] },
  SelfSubjectReview: {},
  SelfSubjectAccessReview: { 2: ['spec', 'SelfSubjectAccessReviewSpec'] },
  SelfSubjectAccessReviewSpec: { 1: ['resourceAttributes', 'ResourceAttributes'], 2: ['nonResourceAttributes', 'NonResourceAttributes'] },
  ResourceAttributes: {
    1: ['namespace', 'string'], 2: ['verb', 'string'], 3: ['group', 'string'], 4: ['version', 'string'], 5: ['resource', 'string'],
    6: ['subresource', 'string'], 7: ['name', 'string'],
  },
  NonResourceAttributes: { 1: ['path', 'string'], 2: ['verb', 'string'] },
  SelfSubjectRulesReview: { 2: ['spec', 'SelfSubjectRulesReviewSpec'] },
  SelfSubjectRulesReviewSpec: { 1: ['namespace', 'string'] },
}

/** A protobuf body as the object it stands for; throws RangeError when it is malformed or says more than is known here. */
export function objectOf(body: Buffer): JsonObject {
  const { apiVersion, kind, raw } = unwrapped(body)
  if (!Object.hasOwn(messages, kind)) throw new RangeError(`the kind ${kind} is not read as protobuf`)
  return { kind, apiVersion, ...object(messageOf(kind, raw)) }
}

function messageOf(name: string, bytes: Buffer): Json {
  const known = messages[name] ?? {}
  const result: JsonObject = {}
  for (const { number, value } of readFields(bytes)) {
    const [field, form] = known[number] ?? []
    if (field === undefined || form === undefined) refuseUnlessEmpty(name, number, value)
    else add(result, field, form, value)
  }
  return name === 'IntOrString' ? (result.type === 1 ? result.strVal ?? '' : result.intVal ?? 0) : result
}

/** Clients in Go write zeros and empty messages too; those may be skipped. */
function refuseUnlessEmpty(name: string, number: number, value: number | Buffer): void {
  const isEmpty = typeof value === 'number' ? value === 0 : value.every((byte) => byte === 0) || onlyEmpty(value)
  if (!isEmpty) throw new RangeError(`field ${number} of ${name} is not read as protobuf`)
}

function onlyEmpty(bytes: Buffer): boolean {
  try {
    return readFields(bytes).every(({ value }) => (typeof value === 'number' ? value === 0 : value.length === 0 || onlyEmpty(value)))
  } catch {
    return false
  }
}

function add(result: JsonObject, field: string, form: string, value: number | Buffer): void {
  const bare = form.replace(/[[\]!]/g, '')
  if (bare === 'strings' || bare === 'bytes') {
    const entry = readFields(Buffer.isBuffer(value) ? value : Buffer.alloc(0))
    const content = bytesOf(entry, 2).toString(bare === 'bytes' ? 'base64' : 'utf8')
    const map = object(result, field)
    put(map, bytesOf(entry, 1).toString(), content)
    result[field] = map
    return
  }
  const read = valueOf(bare, value)
  if (form.startsWith('[')) result[field] = [...list(result, field), read]
  else if (form.endsWith('!') || !isZero(read)) result[field] = read
}

function valueOf(form: string, value: number | Buffer): Json {
  if (form === 'integer') return Number(value)
  if (form === 'boolean') return value === 1
  if (!Buffer.isBuffer(value)) throw new RangeError('a number stands in the place of bytes')
  return form === 'string' ? value.toString() : messageOf(form, value)
}

function isZero(value: Json): boolean {
  return value === '' || value === 0 || value === false || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
}
