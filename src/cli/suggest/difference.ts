import type { CallerDefinition, Grant, Rule } from '../../model/caller.ts'
import { reachOf } from '../rbac/reach.ts'
import { ruleLine } from './rule-text.ts'
import { canonical } from './rules.ts'

/** A rule of one side or of both, as text. */
export interface DifferentLine {
  readonly sign: '-' | '+' | ' '
  readonly text: string
  /** Of a rule of today: `own rules`, or `scope read`; empty of one that is new. */
  readonly from: string
}

/** Rules around a difference that are shown with it. */
const context = 3

/** Today's rules and others, a line each in one order. */
export function differenceOf(today: CallerDefinition | undefined, rules: readonly Rule[]): DifferentLine[] {
  const before = new Map<string, Set<string>>()
  for (const grant of today?.grants ?? []) {
    for (const rule of grant.rules) {
      const text = ruleLine(canonical(asHeld(rule, grant)))
      before.set(text, (before.get(text) ?? new Set()).add(grant.scope === null ? 'own rules' : `scope ${grant.scope}`))
    }
  }
  const after = new Set(rules.map(rule => ruleLine(canonical(rule))))
  const from = (text: string) => [...before.get(text) ?? []].join(', ')
  return [...new Set([...before.keys(), ...after])].sort((a, b) => (a < b ? -1 : 1))
    .map(text => ({ sign: !after.has(text) ? '-' : before.has(text) ? ' ' : '+', text, from: from(text) }))
}

/** Once the long form has narrowed it. */
function asHeld(rule: Rule, grant: Grant): Rule {
  if (grant.namespaces === undefined || rule.resources.length === 0) return rule
  const { all, names, globs } = reachOf(rule, grant)
  return { ...rule, namespaces: all ? ['*'] : [...names, ...globs.map(every => every.join(' and '))] }
}

/** A unified diff, without its head; empty where there is no difference. */
export function unified(lines: readonly DifferentLine[]): string[] {
  const near = new Set<number>()
  for (const [index, { sign }] of lines.entries()) {
    if (sign !== ' ') for (let at = index - context; at <= index + context; at++) near.add(at)
  }
  return lines.flatMap(({ sign, text, from }, index) => {
    if (!near.has(index)) return []
    return [...near.has(index - 1) && index > 0 ? [] : [hunkHead(lines, index, near)], `${sign}${text}${sign === '-' ? `  # ${from}` : ''}`]
  })
}

function hunkHead(lines: readonly DifferentLine[], start: number, near: ReadonlySet<number>): string {
  let end = start
  while (end < lines.length && near.has(end)) end += 1
  const count = (part: readonly DifferentLine[], not: string) => part.filter(({ sign }) => sign !== not).length
  const [before, hunk] = [lines.slice(0, start), lines.slice(start, end)]
  const range = (not: string) => `${count(before, not) + (count(hunk, not) === 0 ? 0 : 1)},${count(hunk, not)}`
  return `@@ -${range('+')} +${range('-')} @@`
}
