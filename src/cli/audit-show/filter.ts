import type { LoggedEvent } from '../../audit-log/event.ts'
import { nearestName } from '../../callers/nearest-name.ts'
import { parseDuration } from '../../config/units.ts'
import { refusalCodes } from '../../errors.ts'
import { matchesGlob } from '../../glob.ts'
import { pluralOf } from '../known-groups.ts'
import { UsageError } from '../run-command.ts'
import { codeOf, pathOf, wouldDeny } from './facts.ts'

/** What is asked for: of each kind one of the values, of all kinds every one. */
export interface FilterOptions {
  readonly caller?: readonly string[]
  readonly verb?: readonly string[]
  /** `RESOURCE[.GROUP][/SUBRESOURCE]`, `*` for any; or a path that begins with a slash, a glob. */
  readonly resource?: readonly string[]
  readonly namespace?: readonly string[]
  /** An HTTP status, a class as `4xx`, or a code of ours. */
  readonly code?: readonly string[]
  readonly cluster?: readonly string[]
  /** A duration before now, or an RFC 3339 time. */
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly denied?: boolean | undefined
  /** Allowed, and shadow scopes would have denied it. */
  readonly wouldDeny?: boolean | undefined
}

export type Matches = (event: LoggedEvent) => boolean

/** The events that options ask for; `now` is in milliseconds since the epoch. Throws UsageError for what makes no sense. */
export function parseFilter(options: FilterOptions, now: number): Matches {
  requireOneEach(options)
  const { caller, verb, resource, namespace, code, cluster, denied = false, wouldDeny: tried = false } = options
  const tests = [
    ...oneOf(caller, name => event => event.user.username === name),
    ...oneOf(verb, name => event => event.verb === name.toLowerCase()),
    ...oneOf(resource, parseResource),
    ...oneOf(namespace, name => event => event.objectRef?.namespace === name),
    ...oneOf(code, parseCode),
    ...oneOf(cluster, name => event => event.annotations?.['portcullis.dev/cluster'] === name),
    ...denied ? [isDenied] : [],
    ...tried ? [wouldDeny] : [],
    ...parseTimes(options, now),
  ]
  return event => tests.every(test => test(event))
}

/** Names of callers may have a comma, in a log that an API server wrote. */
function requireOneEach(options: FilterOptions): void {
  for (const name of ['verb', 'resource', 'namespace', 'code', 'cluster'] as const) {
    const list = options[name]?.find(value => value.includes(',') && !value.startsWith('/'))
    if (list !== undefined) throw new UsageError(`--${name} takes one, and may be given again: ${list.split(',').map(value => `--${name} ${value.trim()}`).join(' ')}`)
  }
}

function oneOf(values: readonly string[] | undefined, parse: (value: string) => Matches): Matches[] {
  if (values === undefined || values.length === 0) return []
  const tests = values.map(parse)
  return [event => tests.some(test => test(event))]
}

/** With RBAC's meaning: `pods` is not `pods/exec`, which `pods/*` is. */
function parseResource(text: string): Matches {
  if (text.startsWith('/')) return ({ objectRef, requestURI }) => objectRef === undefined && matchesGlob(text, pathOf(requestURI))
  const [, word = '', group, subresource] = /^([^./]+)(?:\.([^/]+))?(?:\/(.+))?$/.exec(text) ?? []
  if (word === '') throw new UsageError('--resource takes RESOURCE[.GROUP][/SUBRESOURCE], as in pods, pods/exec or deployments.apps, or a path that begins with /')
  const plural = pluralOf(word)
  const within = subresource ?? (word === '*' ? '*' : '')
  return ({ objectRef }) => objectRef !== undefined
    && (plural === '*' || objectRef.resource === plural)
    && (group === undefined || (objectRef.apiGroup ?? '') === group)
    && (within === '*' || (objectRef.subresource ?? '') === within)
}

function parseCode(text: string): Matches {
  if (/^[1-5]\d\d$/.test(text)) return event => event.responseStatus?.code === Number(text)
  if (/^[1-5]xx$/i.test(text)) return event => Math.floor((event.responseStatus?.code ?? 0) / 100) === Number(text[0])
  if ((refusalCodes as readonly string[]).includes(text)) return event => codeOf(event) === text
  const nearest = nearestName(text, refusalCodes)
  throw new UsageError(`--code takes an HTTP status as 403, a class as 4xx, or a code as ScopeDenied${nearest === undefined ? '' : `; did you mean ${nearest}?`}`)
}

/** Refused for who asked or for what was asked, by us or by the API server; not what failed. */
function isDenied(event: LoggedEvent): boolean {
  const status = event.responseStatus?.code ?? 0
  return event.annotations?.['authorization.k8s.io/decision'] === 'forbid' || status === 401 || status === 403
    || (codeOf(event) !== undefined && status >= 400 && status < 500)
}

function parseTimes({ since, until }: FilterOptions, now: number): Matches[] {
  const [from, to] = [parseTime('--since', since, now), parseTime('--until', until, now)]
  if (from !== undefined && to !== undefined && from > to) throw new UsageError('--since is later than --until: nothing lies between them')
  return [
    ...from === undefined ? [] : [(event: LoggedEvent) => Date.parse(event.stageTimestamp) >= from],
    ...to === undefined ? [] : [(event: LoggedEvent) => Date.parse(event.stageTimestamp) <= to],
  ]
}

const times = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/
/** As people write one; group 2: a time of the day. */
const shortTimes = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)[Zz]?)?$/

/** Milliseconds since the epoch: a duration before now, or a time, a day its beginning; undefined where nothing is given. */
export function parseTime(option: string, text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined
  const duration = parseDuration(text)
  if (duration !== undefined) return now - duration
  const [, day, minute = '00:00'] = shortTimes.exec(text) ?? []
  const time = day !== undefined ? Date.parse(`${day}T${minute}:00Z`) : times.test(text) ? Date.parse(text.toUpperCase()) : NaN
  if (Number.isNaN(time)) throw new UsageError(`${option} takes a duration such as 90m or 14d, a day or a minute in UTC such as 2026-11-21 or 2026-11-21T10:00, or an RFC 3339 time such as 2026-11-21T10:00:00+01:00`)
  return time
}
