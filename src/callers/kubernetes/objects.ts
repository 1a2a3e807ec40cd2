import { checkSchema } from '../../files/schema.ts'
import { formatPath, soundWithout, wholeFile, type Fault, type Finding } from '../../files/fault.ts'
import type { YamlDocument } from '../../files/yaml.ts'
import { asFields } from '../../json-fields.ts'
import { holdsKey, redactKeys } from '../../keys/redact.ts'
import { checkCaller } from '../check-caller.ts'
import { checkFilesInFull } from '../check-identity.ts'
import { checkRules } from '../check-rules.ts'
import { checkMode, shadowOf, type Entry, type WrittenGrant } from '../entries.ts'
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
  /** Whether a whole key stood in what no generation counts. */
  readonly keyBeside: boolean
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
  const { clusters, now } = context
  const of = (written: object) => checkSchema(callerSchema, written)
  const { name } = object.metadata
  return guarded(() => {
    const { value, findings } = of(writtenOf(object))
    return check(object, 'callers', context, value, findings, (entry, report) => {
      checkCaller(entry, { scopes, clusters, now }, report)
      checkFilesInFull(entry, report)
    })
  }, (why) => {
    const { value, findings } = of({ name, keys: asFields(object.spec)['keys'] })
    return check(object, 'callers', context, value, [...findings, why], () => undefined)
  })
}

export function checkScopeObject(object: ApiObject, context: CheckContext): Checked<WrittenGrant> {
  const { name } = object.metadata
  return guarded(() => {
    const { value, findings } = checkSchema(scopeSchema, writtenOf(object))
    const grant: WrittenGrant = { name, rules: value.rules, clusterRole: false, shadow: shadowOf(value) }
    return check(object, 'scopes', context, grant, findings, (entry, report) => {
      checkMode(value, message => report.fault(entry, ['replaces'], message))
      checkRules(entry, ['rules'], grant.rules, false, report)
    })
  }, why => check<WrittenGrant>(object, 'scopes', context, { name, rules: [], clusterRole: false }, [why], () => undefined))
}

/** What a check throws at (an object that is nested thousands deep) is a fault of that object: others wait behind it. */
function guarded<T>(check: () => Checked<T>, otherwise: (why: Finding) => Checked<T>): Checked<T> {
  try {
    return check()
  } catch (error) {
    return otherwise({ path: [], message: `cannot be checked: ${messageOf(error)}` })
  }
}

/** For a status, which more may read than may read the log. */
export function messageOf(error: unknown): string {
  return redactKeys(error instanceof Error ? error.message : String(error))
}

/**
 * A generation counts changes of the spec. Every write of a status makes another version of the object: to check
 * it again for those would be most of the work, so of the metadata only that is compared which can be a fault.
 */
export function isSameState(checked: Checked<unknown> | undefined, object: ApiObject): boolean {
  const { uid, generation } = object.metadata
  return checked !== undefined && generation !== undefined && checked.uid === uid && checked.generation === generation && checked.keyBeside === holdsKeyBeside(object)
}

/** What was found of an object once: its annotations are forgotten after that. */
const besides = new WeakMap<ApiObject, boolean>()

/** In the annotations and labels: what kubectl applied last stands there as well. */
function holdsKeyBeside(object: ApiObject): boolean {
  const known = besides.get(object)
  if (known !== undefined) return known
  const found = holdsKey(JSON.stringify([object.metadata['annotations'], object.metadata['labels']]))
  besides.set(object, found)
  return found
}

/** What a file would hold of it. */
function writtenOf({ metadata: { name }, spec }: ApiObject): object {
  return { ...asFields(spec), name }
}

function check<T>(object: ApiObject, plural: Plural, { namespace }: CheckContext, value: T, findings: readonly Finding[], more: (entry: Entry<T>, report: Report) => void): Checked<T> {
  const { name, uid, generation } = object.metadata
  const place = placeOf(plural, namespace, name)
  const locate: YamlDocument['locate'] = ({ path, message }) => ({ ...wholeFile(place, message), path: formatPath(['spec', ...path]) })
  const document: YamlDocument = { value: object.spec, locate }
  const report = new Report()
  const entry: Entry<T> = { value, path: [], document, sound: soundWithout(findings) }
  const shape = [...findings.map(locate), ...wholeKeys(object, place)]
  report.faults.push(...shape)
  more(entry, report)
  return { name, uid, generation, keyBeside: holdsKeyBeside(object), value, entry, shape, faults: report.faults, warnings: report.warnings, locate: (path, message) => locate({ path, message }) }
}

/** Whoever may read the object would have what the key opens. */
function wholeKeys(object: ApiObject, place: string): Fault[] {
  if (!holdsKeyBeside(object) && !holdsKeyAnywhere(object.spec)) return []
  return [wholeFile(place, 'a whole API key stands here: a key itself is stored nowhere, its id and its sha256 are enough; take it out, and make another one')]
}

/** Without recursion, which a hostile depth would end. */
function holdsKeyAnywhere(value: unknown): boolean {
  const left = [value]
  for (let next = left.pop(); next !== undefined || left.length > 0; next = left.pop()) {
    if (typeof next === 'string' && holdsKey(next)) return true
    if (typeof next !== 'object' || next === null) continue
    for (const [name, field] of Object.entries(next)) left.push(name, field)
  }
  return false
}
