import { buildScope } from '../callers/build.ts'
import type { WrittenGrant } from '../callers/entries.ts'
import type { Stored, StoredCallers } from '../callers/store.ts'
import { reference, type ListArgs } from './caller-list.ts'
import type { ShowArgs } from './caller-show.ts'
import { openStore, type CallersDeps } from './callers-deps.ts'
import { write } from './output.ts'
import { ruleWords } from './rule-words.ts'
import { runCommand } from './run-command.ts'
import { formatFields, indent } from './sections.ts'
import { formatTable, type Column } from './table.ts'

/** `portcullis scope list`, by name. Returns the exit code: 0, or 1 where the callers cannot be read. */
export function scopeListCommand({ configFile, json = false }: ListArgs, deps: CallersDeps): Promise<number> {
  return runCommand('scope list', deps.stderr, async () => {
    const { store } = await openStore(configFile, deps)
    const rows = rowsOf(await store.read())
    await write(deps.stdout, json ? `${JSON.stringify(rows, null, 2)}\n` : formatTable(columns, rows))
    return 0
  })
}

interface Row {
  readonly name: string
  readonly kind: 'Scope' | 'ClusterRole'
  /** It is judged and recorded, and grants nothing. Without it: in force. */
  readonly mode?: 'shadow'
  readonly rules: number
  /** How many hold it. */
  readonly callers: number
  readonly where: string
}

function rowsOf({ scopes, callers }: StoredCallers): Row[] {
  const held = new Map<string, number>()
  for (const { value } of callers) {
    for (const name of new Set(value.scopes.map(scope => reference(scope).name))) held.set(name, (held.get(name) ?? 0) + 1)
  }
  return scopes
    .map(({ value, where }) => ({ name: value.name, kind: kindOf(value), ...value.shadow === undefined ? {} : { mode: 'shadow' as const }, rules: value.rules.length, callers: held.get(value.name) ?? 0, where }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function kindOf({ clusterRole }: WrittenGrant): Row['kind'] {
  return clusterRole ? 'ClusterRole' : 'Scope'
}

const columns: readonly Column<Row>[] = [
  { head: 'NAME', cell: ({ name }) => name },
  { head: 'KIND', cell: ({ kind, mode }) => mode === undefined ? kind : `${kind}, ${mode}` },
  { head: 'RULES', cell: ({ rules }) => String(rules) },
  { head: 'CALLERS', cell: ({ callers }) => String(callers) },
  { head: 'WRITTEN IN', cell: ({ where }) => where },
]

/** `portcullis scope show`: its rules in words, and who holds it. Returns the exit code: 0, or 1 where it is not there. */
export function scopeShowCommand({ configFile, name, json = false }: ShowArgs, deps: CallersDeps): Promise<number> {
  return runCommand('scope show', deps.stderr, async () => {
    const { store } = await openStore(configFile, deps)
    const current = await store.read()
    const found = current.scopes.find(({ value }) => value.name === name)
    if (found === undefined) throw new Error(`there is no scope ${JSON.stringify(name)}: portcullis scope list names them`)
    const shown = show(found, current)
    await write(deps.stdout, json ? `${JSON.stringify(shown, null, 2)}\n` : toText(shown))
    return 0
  })
}

type Shown = ReturnType<typeof show>

function show({ value, where }: Stored<WrittenGrant>, { callers }: StoredCallers) {
  return {
    name: value.name, kind: kindOf(value), ...value.shadow === undefined ? {} : { mode: 'shadow' as const, replaces: value.shadow.replaces ?? null }, where,
    rules: buildScope(value).rules.map(rule => ruleWords(rule, { namespaces: undefined })),
    holders: callers.flatMap(({ value: caller }) => caller.scopes.map(reference)
      .filter(({ name }) => name === value.name)
      .map(({ namespaces }) => ({ caller: caller.name, namespaces }))),
  }
}

function toText({ name, kind, mode, replaces, where, rules, holders }: Shown): string {
  const narrowed = kind === 'ClusterRole' ? '\nA ClusterRole holds in the namespaces that each caller names for it.\n' : ''
  const tried = mode === undefined ? null : `shadow: grants nothing; tried out in place of ${replacedWords(replaces)}`
  return `${formatFields([['Name', name], ['Kind', kind], ['Mode', tried], ['Written in', where]])}${narrowed}
${mode === undefined ? 'Allows' : 'Would allow'}:
${indent(rules.map(rule => `${rule}\n`).join('') || 'nothing: it has no rules\n')}
Held by:
${indent(holders.map(({ caller, namespaces }) => `${caller}${namespaces === null ? '' : `, in ${namespaces.join(', ') || 'no namespace'}`}\n`).join('') || 'nobody\n')}`
}

/** What a shadow scope stands in for; null: it does not say. */
export function replacedWords(replaces: readonly string[] | null | undefined): string {
  if (replaces === null || replaces === undefined) return 'all scopes and rules of its holder'
  return replaces.length === 0 ? 'nothing' : `scope ${replaces.join(', ')}`
}
