import { listOf } from '../callers/build-identity.ts'
import type { WrittenCaller } from '../callers/schema.ts'
import { openStore, type CallersDeps } from './callers-deps.ts'
import { stateOf } from './key-life.ts'
import { write } from './output.ts'
import { runCommand } from './run-command.ts'
import { formatTable, type Column } from './table.ts'

export interface ListArgs {
  readonly configFile: string
  readonly json?: boolean | undefined
}

interface Row {
  readonly name: string
  readonly description: string | null
  readonly scopes: readonly { readonly name: string, readonly namespaces: readonly string[] | null }[]
  /** Rules of its own. */
  readonly rules: number
  /** Null: every one. */
  readonly clusters: readonly string[] | null
  readonly keys: number
  /** Of them, those that open something. */
  readonly activeKeys: number
  /** How many there are of each. */
  readonly jwt: number
  readonly clientCertificate: number
}

/** `portcullis caller list`, by name. Returns the exit code: 0, or 1 where the callers cannot be read. */
export function callerListCommand({ configFile, json = false }: ListArgs, deps: CallersDeps): Promise<number> {
  return runCommand('caller list', deps.stderr, async () => {
    const { store } = await openStore(configFile, deps)
    const { callers } = await store.read()
    const rows = callers.map(({ value }) => rowOf(value, deps.now())).sort((a, b) => (a.name < b.name ? -1 : 1))
    await write(deps.stdout, json ? `${JSON.stringify(rows, null, 2)}\n` : formatTable(columns, rows))
    return 0
  })
}

function rowOf({ name, description, scopes, rules, clusters, keys, jwt, clientCertificate }: WrittenCaller, now: number): Row {
  return {
    name, description: description ?? null, scopes: scopes.map(reference), rules: rules.length, clusters: clusters ?? null,
    keys: keys.length, activeKeys: keys.filter(key => stateOf(key, now) === 'active').length,
    jwt: listOf(jwt).length, clientCertificate: listOf(clientCertificate).length,
  }
}

/** A scope as a caller holds it; null: not narrowed. */
export function reference(scope: WrittenCaller['scopes'][number]): { name: string, namespaces: readonly string[] | null } {
  return typeof scope === 'string' ? { name: scope, namespaces: null } : { name: scope.name, namespaces: scope.namespaces ?? null }
}

/** As `caller add --scope` takes it. */
function referenceWords({ name, namespaces }: { name: string, namespaces: readonly string[] | null }): string {
  return namespaces === null ? name : `${name}:${namespaces.join(',')}`
}

const columns: readonly Column<Row>[] = [
  { head: 'NAME', cell: ({ name }) => name },
  { head: 'SCOPES', cell: ({ scopes }) => scopes.map(referenceWords).join(' ') || '-' },
  { head: 'OWN RULES', cell: ({ rules }) => String(rules) },
  { head: 'CLUSTERS', cell: ({ clusters }) => clusters === null ? 'all' : clusters.join(' ') || 'none' },
  { head: 'KEYS', cell: ({ keys, activeKeys }) => keys === activeKeys ? String(keys) : `${keys} (${activeKeys} active)` },
  { head: 'ALSO BY', cell: ({ jwt, clientCertificate }) => [...jwt === 0 ? [] : ['jwt'], ...clientCertificate === 0 ? [] : ['certificate']].join(' ') || '-' },
  { head: 'DESCRIPTION', cell: ({ description }) => description ?? '' },
]
