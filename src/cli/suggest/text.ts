import { describeRequest } from '../../authorize/describe.ts'
import { printable, yamlScalar } from '../../authorize/quoted.ts'
import type { CallerDefinition } from '../../model/caller.ts'
import { listed } from '../rule-words.ts'
import { unified } from './difference.ts'
import { ruleLine, ruleLines } from './rule-text.ts'
import { nextSteps } from './next-steps.ts'
import type { SuggestedRule } from './rules.ts'
import type { Suggestion, SuggestOptions } from './suggestion.ts'
import { fewNames } from './tally.ts'
import type { Unused } from './unused.ts'

/** What is printed beside the suggestion itself. */
export interface Printed extends SuggestOptions {
  /** Of the scope. */
  readonly name: string
  /** Undefined: it is to be in force. */
  readonly shadow: { readonly replaces: readonly string[] | undefined } | undefined
  /** Undefined: it is in no file. */
  readonly today: CallerDefinition | undefined
  /** Why nothing is known of today, where nothing is. */
  readonly whyUnknown: string
  /** Of what the audit policy of today writes nothing. */
  readonly hidden: readonly string[]
  readonly colour: boolean
}

/** How many of a kind are told one by one. */
const mostTold = 10

/** The scope as YAML, with what there is to say of it as comments: all of it is a callers file. */
export function suggestionText(suggestion: Suggestion, printed: Printed): string {
  return [
    ...comments([...headOf(suggestion, printed), ...hiddenLines(printed), ...nextSteps({ ...printed, isShadow: printed.shadow !== undefined })]),
    ...scopeOf(suggestion, printed),
    '',
    ...comments(differenceLines(suggestion, printed)).map(line => printed.colour ? coloured(line) : line),
    ...comments(unusedLines(suggestion, printed)),
  ].join('\n').concat('\n')
}

/** Whatever a log has for a name cannot end the comment, nor move a terminal's cursor. */
function comments(lines: readonly string[]): string[] {
  return lines.map(line => (line === '' ? '#' : `# ${printable(line)}`))
}

function headOf(suggestion: Suggestion, { caller, includeDenied }: Printed): string[] {
  const { requests, denied, discovery, clusters, refused, unsaid, impersonated, first, last } = suggestion
  const refusals = refused.reduce((sum, { count }) => sum + count, 0)
  return [
    `portcullis suggest: what caller ${caller} ${includeDenied ? 'asked for' : 'was allowed'}, ${time(first)} to ${time(last)}: ${count(requests, 'request')}.`,
    ...denied === 0 ? [] : [`Of them ${count(denied, 'request')} that ${denied === 1 ? 'was' : 'were'} refused then: look at each rule before you grant it.`],
    ...discovery === 0 ? [] : [`${count(discovery, 'request')} for API discovery need${discovery === 1 ? 's' : ''} no rule.`],
    ...clusters.length < 2 ? [] : [`They went to the clusters ${listed(clusters)}. A scope cannot name clusters; the caller's entry can: clusters: [${clusters.map(yamlScalar).join(', ')}]`],
    ...impersonated === 0 ? [] : [`${count(impersonated, 'request')} came as somebody else. Without the caller's entry nobody can tell whether that needs rules: none is in here.`],
    ...refusals === 0 ? [] : [`Refused, and not in it (--include-denied takes them in), ${count(refusals, 'request')}:`, ...some(refused.map(({ what, count }) => `${count} x ${what}`))],
    ...unsaid.length === 0 ? [] : ['No rule can say this without saying more, so that it is not in it:', ...some(unsaid.map(({ want, why, count }) => `${count} x ${describeRequest(want.asked)}: ${why}`))],
  ]
}

function hiddenLines({ hidden }: Printed): string[] {
  return hidden.length === 0 ? [] : ['The audit policy writes nothing of this: it is not in the scope, and where it is under "Never used" that says nothing:', ...some(hidden)]
}

function some(lines: readonly string[]): string[] {
  const more = lines.length - mostTold
  return [...lines.slice(0, mostTold).map(line => `  ${line}`), ...more > 0 ? [`  and ${more} more kinds`] : []]
}

function scopeOf({ rules }: Suggestion, { name, shadow }: Printed): string[] {
  return [
    'scopes:',
    `  - name: ${yamlScalar(name)}`,
    ...shadow === undefined ? [] : ['    mode: shadow', ...shadow.replaces === undefined ? [] : [`    replaces: [${shadow.replaces.map(yamlScalar).join(', ')}]`]],
    ...rules.length === 0 ? ['    rules: []'] : ['    rules:'],
    ...rules.flatMap(rule => [`      # ${usedWords(rule)}`, ...ruleLines(rule.rule).map(line => `      ${line}`)]),
  ]
}

const widerWords = {
  many: `more than ${fewNames} names, left out`,
  generated: 'generated names, left out',
  asked: 'names left out (--names none)',
  create: 'a create names no object',
  glob: 'namespaces by --namespace-glob',
} as const

function usedWords({ rule, count: times, last, wider }: SuggestedRule): string {
  const everywhere = rule.namespaces.includes('*') ? ['["*"], for something outside of namespaces or over all of them'] : []
  return [`${count(times, 'request')}, last ${time(last)}`, ...wider.map(why => widerWords[why]), ...everywhere].join('; ')
}

function differenceLines({ difference }: Suggestion, { today, whyUnknown, name }: Printed): string[] {
  if (today === undefined) return [whyUnknown]
  const lines = unified(difference)
  if (lines.length === 0) return ['It says what today\'s rules say.']
  const from = [...new Set(today.grants.map(({ scope }) => scope === null ? 'own rules' : `scope ${scope}`))]
  return [`--- today: ${from.join(', ') || 'nothing'}`, `+++ suggested: scope ${name}`, ...lines]
}

const colours: Readonly<Record<string, string>> = { '-': '\x1b[31m', '+': '\x1b[32m', '@': '\x1b[36m' }

function coloured(line: string): string {
  const colour = colours[line[2] ?? '']
  // The number sign stays in front: it is a comment all the same.
  return colour === undefined ? line : `# ${colour}${line.slice(2)}\x1b[0m`
}

function unusedLines({ unused }: Suggestion, { today }: Printed): string[] {
  if (today === undefined) return []
  const shadows = today.shadow === undefined ? [] : [`Not counted among today's rules: ${today.shadow.scopes.map(name => `shadow scope ${name}`).join(', ')}.`]
  if (unused.length === 0) return ['', 'Every rule of today was used, and all of each.', ...shadows]
  return ['', 'Never used of today\'s rules:', ...wholeScopes(unused, today), ...unused.filter(({ whole }) => !whole).map(partWords), ...shadows]
}

/** A scope of which no rule was used is one line. */
function wholeScopes(unused: readonly Unused[], { grants }: CallerDefinition): string[] {
  return [...new Set(grants.map(({ scope }) => scope))].flatMap((scope) => {
    const rules = unused.filter(one => one.scope === scope && one.whole)
    const all = grants.filter(grant => grant.scope === scope).reduce((sum, grant) => sum + grant.rules.length, 0)
    if (rules.length === 0) return []
    if (rules.length === all) return [`  ${scope === null ? 'own rules' : `scope ${scope}`}: none of it (${count(all, 'rule')})`]
    return rules.map(({ rule }) => `  ${rule}`)
  })
}

function partWords({ rule, never }: Unused): string {
  return `  ${rule}: of it never ${Object.entries(never).map(([part, words]) => `${part} ${words.map(yamlScalar).join(', ')}`).join('; ')}`
}

/** For machines. */
export function suggestionJson(suggestion: Suggestion, { caller, name, shadow, today, hidden }: Printed): object {
  const { rules, difference, unsaid, first, last, ...counts } = suggestion
  const signed = (sign: string) => difference.filter(line => line.sign === sign).map(({ text, from }) => ({ rule: text, ...from === '' ? {} : { from } }))
  return {
    caller, known: today !== undefined, from: time(first), to: time(last), ...counts, hidden,
    scope: { name, ...shadow === undefined ? {} : { mode: 'shadow', ...shadow.replaces === undefined ? {} : { replaces: shadow.replaces } }, rules: rules.map(({ rule }) => withoutEmpty(rule)) },
    uses: rules.map(({ rule, count, last, wider }) => ({ rule: ruleLine(rule), requests: count, last: time(last), wider })),
    unsaid: unsaid.map(({ want, why, count }) => ({ request: describeRequest(want.asked), why, requests: count })),
    difference: { removed: signed('-'), added: signed('+'), kept: signed(' ') },
  }
}

function withoutEmpty(rule: SuggestedRule['rule']): object {
  return Object.fromEntries(Object.entries(rule).filter(([, words]) => (words as readonly string[]).length > 0))
}

/** RFC 3339, to the second. */
function time(at: number): string {
  return Number.isFinite(at) ? new Date(at).toISOString().replace(/\.\d+Z$/, 'Z') : ''
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
