import { checkSchema } from '../../files/schema.ts'
import { formatPath, soundWithout, wholeFile, type Fault } from '../../files/fault.ts'
import type { YamlDocument } from '../../files/yaml.ts'
import { asFields } from '../../json-fields.ts'
import { keysIn } from '../../keys/redact.ts'
import { checkCaller } from '../check-caller.ts'
import { checkFilesInFull } from '../check-identity.ts'
import { checkRules } from '../check-rules.ts'
import type { Entry, WrittenGrant } from '../entries.ts'
import { Report } from '../report.ts'
import { callerSchema, scopeSchema, type WrittenCaller } from '../schema.ts'
import type { ApiObject } from './api.ts'
import { placeOf, type Plural } from './names.ts'

/** One object, held against all that can be said of it by itself. */
export interface Checked<T> {
  readonly name: string
  /** Of which state of the object this is. */
  readonly uid: string
  readonly generation: number | undefined
  /** Only where there are no faults is it sound. */
  readonly value: T
  /** The same as a piece of a file would be. */
  readonly entry: Entry<T>
  /** Those that the schema found. */
  readonly shape: readonly Fault[]
  /** All that show in the object alone. */
  readonly faults: readonly Fault[]
  readonly warnings: readonly Fault[]
  /** The same, with a fault that shows only beside other objects: at a path of the spec. */
  locate(path: readonly (string | number)[], message: string): Fault
}

export interface CheckContext {
  readonly namespace: string
  /** Names of the clusters that there are. */
  readonly clusters: readonly string[]
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** Whether a scope is there may change without the caller, and is asked when all are put together. */
class EveryScope extends Map<string, Entry<WrittenGrant>> {
  override get(name: string): Entry<WrittenGrant> {
    return { value: { name, rules: [], clusterRole: false }, path: [], document: { value: undefined, locate: ({ message }) => wholeFile('', message) }, sound: () => true }
  }
}

const scopes = new EveryScope()

/** As a caller of a file, with the object's name for its own. */
export function checkCallerObject(object: ApiObject, context: CheckContext): Checked<WrittenCaller> {
  const { value, findings } = checkSchema(callerSchema, writtenOf(object))
  const { clusters, now } = context
  return check(object, 'callers', context, value, findings, (entry, report) => {
    checkCaller(entry, { scopes, clusters, now }, report)
    checkFilesInFull(entry, report)
  })
}

export function checkScopeObject(object: ApiObject, context: CheckContext): Checked<WrittenGrant> {
  const { value, findings } = checkSchema(scopeSchema, writtenOf(object))
  const grant: WrittenGrant = { name: object.metadata.name, rules: value.rules, clusterRole: false }
  return check(object, 'scopes', context, grant, findings, (entry, report) => checkRules(entry, ['rules'], grant.rules, false, report))
}

export function isSameState(checked: Checked<unknown> | undefined, { metadata: { uid, generation } }: ApiObject): boolean {
  return checked !== undefined && generation !== undefined && checked.uid === uid && checked.generation === generation
}

/** What a file would hold of it. */
function writtenOf({ metadata: { name }, spec }: ApiObject): object {
  return { ...asFields(spec), name }
}

type Findings = ReturnType<typeof checkSchema>['findings']

function check<T>(object: ApiObject, plural: Plural, { namespace }: CheckContext, value: T, findings: Findings, more: (entry: Entry<T>, report: Report) => void): Checked<T> {
  const { name, uid, generation } = object.metadata
  const place = placeOf(plural, namespace, name)
  const locate: YamlDocument['locate'] = ({ path, message }) => ({ ...wholeFile(place, message), path: formatPath(['spec', ...path]) })
  const document: YamlDocument = { value: object.spec, locate }
  const report = new Report()
  const entry: Entry<T> = { value, path: [], document, sound: soundWithout(findings) }
  const shape = [...findings.map(locate), ...wholeKeys(object, place)]
  report.faults.push(...shape)
  more(entry, report)
  return { name, uid, generation, value, entry, shape, faults: report.faults, warnings: report.warnings, locate: (path, message) => locate({ path, message }) }
}

/** Whoever may read the object would have what the key opens; what kubectl applied last stands in an annotation. */
function wholeKeys({ metadata, spec }: ApiObject, place: string): Fault[] {
  if (keysIn(JSON.stringify([metadata['annotations'], metadata['labels'], spec])).length === 0) return []
  return [wholeFile(place, 'a whole API key stands here: a key itself is stored nowhere, its id and its sha256 are enough; take it out, and make another one')]
}
