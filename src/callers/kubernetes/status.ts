import { formatFault, type Fault } from '../../files/fault.ts'
import { asFields } from '../../json-fields.ts'
import type { WrittenGrant } from '../entries.ts'
import type { WrittenCaller } from '../schema.ts'
import type { ApiObject } from './api.ts'
import type { Held } from './held.ts'

/** When a caller and its keys were used last, as this process knows. Milliseconds since the epoch. */
export interface Use {
  readonly at: number
  readonly keys: ReadonlyMap<string, number>
}

export interface StatusFacts {
  readonly faults: readonly Fault[]
  readonly now: number
  /** Only what is newer by this is worth a write. Milliseconds. */
  readonly newerBy: number
  /** What changes by itself is looked at too: uses, and how many callers hold a scope. */
  readonly thorough: boolean
}

const mostFaults = 100
const longestFault = 1000
/** The CustomResourceDefinition takes 4096 characters: of more the whole status would be refused. */
const longestList = 4000

/** What is to be merged into the status of a caller; undefined where it says all already. */
export function callerStatus(object: ApiObject, { inForce }: Held<WrittenCaller>, use: Use | undefined, facts: StatusFacts): object | undefined {
  const status = asFields(object.status)
  const active = (inForce?.keys ?? []).filter(({ revokedAt, expiresAt }) => revokedAt === undefined && (expiresAt === undefined || Date.parse(expiresAt) > facts.now))
  const said = {
    scopes: listed((inForce?.scopes ?? []).map(reference => typeof reference === 'string' ? reference : reference.name)) || '<none>',
    activeKeys: active.length,
  }
  const used = facts.thorough ? usedStatus(status, inForce, use, facts) : undefined
  const changed = commonStatus(object, inForce !== undefined, facts)
  if (changed === undefined && used === undefined && same(said, status)) return undefined
  return { ...changed, ...said, ...used }
}

/** The same of a scope. `callers`: how many hold it. */
export function scopeStatus(object: ApiObject, { inForce }: Held<WrittenGrant>, callers: number, facts: StatusFacts): object | undefined {
  const status = asFields(object.status)
  const said = { rules: inForce?.rules.length ?? 0 }
  const holders = status['callers'] === undefined || (facts.thorough && status['callers'] !== callers) ? { callers } : undefined
  const changed = commonStatus(object, inForce !== undefined, facts)
  if (changed === undefined && holders === undefined && same(said, status)) return undefined
  return { ...changed, ...said, callers }
}

/** `a, b, … 3 more` */
function listed(names: readonly string[]): string {
  let text = ''
  for (const [index, name] of names.entries()) {
    const longer = text === '' ? name : `${text}, ${name}`
    if (longer.length > longestList) return `${text}${text === '' ? '' : ', '}… ${names.length - index} more`
    text = longer
  }
  return text
}

function same(said: object, status: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(said).every(([name, value]) => status[name] === value)
}

function commonStatus({ metadata: { generation }, status: before }: ApiObject, serving: boolean, { faults, now }: StatusFacts): object | undefined {
  const status = asFields(before)
  const texts = faults.slice(0, mostFaults).map(fault => textOf(fault).slice(0, longestFault))
  const known = Array.isArray(status['faults']) ? status['faults'] : []
  const conditions = Array.isArray(status['conditions']) ? status['conditions'] as unknown[] : []
  const ready = conditions.map(asFields).find(({ type }) => type === 'Ready')
  const wanted = texts.length === 0 ? 'True' : 'False'
  const isSame = status['observedGeneration'] === generation && ready?.['status'] === wanted && JSON.stringify(known) === JSON.stringify(texts)
  if (isSame) return undefined
  const condition = {
    type: 'Ready', status: wanted, observedGeneration: generation ?? 0,
    lastTransitionTime: ready?.['status'] === wanted && typeof ready['lastTransitionTime'] === 'string' ? ready['lastTransitionTime'] : time(now),
    reason: texts.length === 0 ? 'InForce' : serving ? 'Faulty' : 'NotServed',
    message: texts.length === 0 ? 'all of it is in force' : texts.join('; ').slice(0, 30_000),
  }
  return {
    observedGeneration: generation ?? 0,
    faults: texts.length === 0 ? null : texts,
    conditions: [...conditions.filter(each => asFields(each)['type'] !== 'Ready'), condition],
  }
}

/** The object itself is not named in its own status. */
function textOf(fault: Fault): string {
  return formatFault(fault).slice(`${fault.file}:${fault.line}:${fault.column} `.length)
}

/** Uses that are newer by enough than what some process has written already. */
function usedStatus(status: Readonly<Record<string, unknown>>, inForce: WrittenCaller | undefined, use: Use | undefined, { newerBy }: StatusFacts): object | undefined {
  if (use === undefined || use.at < milliseconds(status['lastUsedTime']) + newerBy) return undefined
  const written = new Map((Array.isArray(status['keys']) ? status['keys'] : []).map(asFields).map(({ id, lastUsedTime }) => [String(id), milliseconds(lastUsedTime)]))
  const keys = (inForce?.keys ?? []).flatMap(({ id }) => {
    const at = Math.max(use.keys.get(id) ?? -Infinity, written.get(id) ?? -Infinity)
    return at === -Infinity ? [] : [{ id, lastUsedTime: time(at) }]
  })
  return { lastUsedTime: time(use.at), ...keys.length === 0 ? {} : { keys } }
}

function milliseconds(text: unknown): number {
  const at = typeof text === 'string' ? Date.parse(text) : NaN
  return Number.isNaN(at) ? -Infinity : at
}

/** As the API server writes times: to the second. */
function time(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
}
