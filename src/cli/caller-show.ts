import { buildCaller, buildScope, type BuiltScope } from '../callers/build.ts'
import { listOf } from '../callers/build-identity.ts'
import type { WrittenCaller } from '../callers/schema.ts'
import type { Stored, StoredCallers } from '../callers/store.ts'
import type { CallerDefinition, Grant, ShadowGrants } from '../model/caller.ts'
import { findStored, openStore, type CallersDeps } from './callers-deps.ts'
import { identityWords } from './identity-words.ts'
import { sameForm, stateOf } from './key-life.ts'
import { write } from './output.ts'
import { ruleWords } from './rule-words.ts'
import { runCommand } from './run-command.ts'
import { replacedWords } from './scopes.ts'
import { formatFields, indent, type Field } from './sections.ts'
import { formatTable } from './table.ts'

export interface ShowArgs {
  readonly configFile: string
  readonly name: string
  readonly json?: boolean | undefined
}

/** `portcullis caller show`: a caller, and what it may do in words. Returns the exit code: 0, or 1 where it is not there. */
export function callerShowCommand({ configFile, name, json = false }: ShowArgs, deps: CallersDeps): Promise<number> {
  return runCommand('caller show', deps.stderr, async () => {
    const { store } = await openStore(configFile, deps)
    const current = await store.read()
    const shown = show(findStored(current, name), current, deps.now())
    await write(deps.stdout, json ? `${JSON.stringify(shown, null, 2)}\n` : toText(shown))
    return 0
  })
}

type Shown = ReturnType<typeof show>

/** What there is to say of a caller; null where there is nothing, and for no limit. */
function show({ value, where }: Stored<WrittenCaller>, { scopes }: StoredCallers, now: number) {
  const built = new Map(scopes.map(scope => [scope.value.name, buildScope(scope.value)]))
  const caller = buildCaller(value, built)
  const { requestsPerSecond = null, burst = null, inFlight = null, streams = null } = value.limits
  return {
    name: value.name, description: value.description ?? null, where,
    clusters: value.clusters ?? null, allowedFrom: value.allowedFrom ?? null, discovery: value.discovery,
    limits: { requestsPerSecond, burst, inFlight, streams },
    impersonate: value.impersonate ?? null,
    keys: value.keys.map(key => ({
      id: key.id, createdAt: sameForm(key.createdAt), expiresAt: sameForm(key.expiresAt), revokedAt: sameForm(key.revokedAt), state: stateOf(key, now),
    })),
    jwt: listOf(value.jwt), clientCertificate: listOf(value.clientCertificate),
    may: caller.grants.map(shownGrant),
    ...caller.shadow === undefined ? {} : { shadow: shadowOf(caller.shadow, built) },
    opens: routesOf(caller),
  }
}

function shownGrant(grant: Grant) {
  return { scope: grant.scope, namespaces: grant.namespaces ?? null, rules: grant.rules.map(rule => ruleWords(rule, grant)) }
}

/** Scopes that are tried out: they grant nothing. */
function shadowOf({ scopes: names, grants }: ShadowGrants, scopes: ReadonlyMap<string, BuiltScope>) {
  const tried = new Set(names)
  return grants.filter(({ scope }) => scope !== null && tried.has(scope)).map(grant => ({
    ...shownGrant(grant), replaces: scopes.get(grant.scope ?? '')?.shadow?.replaces ?? null,
  }))
}

/** Guarded routes that a rule of it acknowledges, and by which scopes; null: by its own rules. */
function routesOf({ grants }: CallerDefinition): { route: string, by: Grant['scope'][] }[] {
  const routes = new Map<string, Set<Grant['scope']>>()
  for (const { scope, rules } of grants) {
    for (const route of rules.flatMap(({ acknowledge }) => acknowledge)) routes.set(route, (routes.get(route) ?? new Set()).add(scope))
  }
  return [...routes].map(([route, by]) => ({ route, by: [...by] }))
}

function toText(shown: Shown): string {
  const { name, description, where, clusters, allowedFrom, impersonate, discovery, opens } = shown
  const fields: Field[] = [
    ['Name', name],
    ['Description', description],
    ['Written in', where],
    ['Clusters', clusters === null ? 'every one' : clusters.join(', ') || 'none'],
    ['Comes from', allowedFrom === null ? 'anywhere' : allowedFrom.join(', ') || 'nowhere: the list is empty'],
    ['Limits', limitWords(shown.limits)],
    ['Seen as', impersonate === null ? 'Portcullis\' own account' : `${impersonate.user}${impersonate.groups.length === 0 ? '' : ` of ${impersonate.groups.join(', ')}`}, whom the API server judges as well`],
    ['Discovery', discovery ? 'yes' : 'only by its rules'],
    ['Opens', opens.length === 0 ? 'no guarded route' : opens.map(({ route, by }) => `${route} (${by.map(scopeWords).join(', ')})`).join(', ')],
  ]
  const others = identityWords(shown)
  const also = others.length === 0 ? '' : `\nAlso:\n${indent(others.map(line => `${line}\n`).join(''))}`
  return `${formatFields(fields)}\nKeys:\n${indent(keyTable(shown))}${also}\nMay:\n${indent(mayWords(shown))}${shadowWords(shown)}`
}

function scopeWords(scope: string | null): string {
  return scope === null ? 'its own rules' : `scope ${scope}`
}

function limitWords({ requestsPerSecond, burst, inFlight, streams }: Shown['limits']): string {
  const words = [
    ...requestsPerSecond === null ? [] : [`${requestsPerSecond} requests a second${burst === null ? '' : `, ${burst} at once`}`],
    ...inFlight === null ? [] : [`${inFlight} in flight`],
    ...streams === null ? [] : [`${streams} streams`],
  ]
  return words.join('; ') || 'none'
}

function keyTable({ name, keys, jwt, clientCertificate }: Shown): string {
  if (keys.length === 0) return jwt.length + clientCertificate.length === 0 ? `none: portcullis key create ${name}\n` : 'none\n'
  return formatTable([
    { head: 'ID', cell: ({ id }) => id },
    { head: 'CREATED', cell: ({ createdAt }) => createdAt ?? '-' },
    { head: 'EXPIRES', cell: ({ expiresAt }) => expiresAt ?? 'never' },
    { head: 'STATE', cell: ({ state }) => state },
  ], keys)
}

function mayWords({ may }: Shown): string {
  if (may.length === 0) return 'nothing: it has no scopes and no rules\n'
  return may.map(({ scope, namespaces, rules }) => {
    const head = `${scopeWords(scope)}${namespaces === null ? '' : `, narrowed to ${namespaces.join(', ') || 'no namespace'}`}:\n`
    return head + indent(rules.map(rule => `${rule}\n`).join('') || 'nothing: it has no rules\n')
  }).join('')
}

function shadowWords({ shadow }: Shown): string {
  if (shadow === undefined) return ''
  const tried = shadow.map(({ scope, namespaces, replaces, rules }) => {
    const head = `${scopeWords(scope)}${namespaces === null ? '' : `, narrowed to ${namespaces.join(', ') || 'no namespace'}`}, in place of ${replacedWords(replaces)}:\n`
    return head + indent(rules.map(rule => `${rule}\n`).join('') || 'nothing: it has no rules\n')
  })
  return `\nTried out, which grants nothing (portcullis audit show --would-deny):\n${indent(tried.join(''))}`
}
