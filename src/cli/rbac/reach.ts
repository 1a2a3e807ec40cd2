import { coversAll } from '../../authorize/namespaces.ts'
import { isGlob, matchesGlob } from '../../glob.ts'
import type { Grant, Rule } from '../../model/caller.ts'

/** Where a rule holds once the long form has narrowed it. */
export interface Reach {
  /** Everywhere: in every namespace, and in what has none. */
  readonly all: boolean
  readonly names: readonly string[]
  /** Each a list of globs, all of which a name must match. */
  readonly globs: readonly (readonly string[])[]
}

/** RFC 1123: there is no other namespace, so nothing needs to be granted in one. */
const namespaceName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

export function isNamespace(name: string): boolean {
  return namespaceName.test(name)
}

/** What both the rule and the narrowing cover. */
export function reachOf({ namespaces }: Pick<Rule, 'namespaces'>, { namespaces: narrowing = ['*'] }: Pick<Grant, 'namespaces'>): Reach {
  if (coversAll(narrowing)) return reachOfList(namespaces)
  if (coversAll(namespaces)) return reachOfList(narrowing)
  return meet(reachOfList(namespaces), reachOfList(narrowing))
}

export function isNowhere({ all, names, globs }: Reach): boolean {
  return !all && names.length + globs.length === 0
}

/** Whether there may be a namespace, or something without one, that both reach. */
export function reachesMeet(a: Reach, b: Reach): boolean {
  if (a.all || b.all) return !isNowhere(a) && !isNowhere(b)
  return !isNowhere(meet(a, b))
}

function reachOfList(list: readonly string[]): Reach {
  if (coversAll(list)) return { all: true, names: [], globs: [] }
  const globs = list.filter(isGlob).map(glob => [glob])
  return { all: false, names: list.filter(isNamespace).filter(name => !globs.some(all => matchAll(all, name))), globs }
}

function meet(a: Reach, b: Reach): Reach {
  const globs = a.globs.flatMap(one => b.globs.map(other => [...new Set([...one, ...other])]))
  const isIn = (name: string, { names, globs }: Reach) => names.includes(name) || globs.some(all => matchAll(all, name))
  const names = [...a.names.filter(name => isIn(name, b)), ...b.names.filter(name => isIn(name, a))]
  return { all: false, names: [...new Set(names)], globs: globs.filter(mayMatch) }
}

export function matchAll(globs: readonly string[], name: string): boolean {
  return globs.every(glob => matchesGlob(glob, name))
}

function mayMatch(globs: readonly string[]): boolean {
  return globs.every((one, index) => globs.slice(index + 1).every(other => globsMeet(one, other)))
}

/** Whether some text matches both: what they begin and end with decides, for a star lets anything be between. */
function globsMeet(a: string, b: string): boolean {
  const [startA, startB] = [a.slice(0, a.indexOf('*')), b.slice(0, b.indexOf('*'))]
  const [endA, endB] = [a.slice(a.lastIndexOf('*') + 1), b.slice(b.lastIndexOf('*') + 1)]
  return (startA.startsWith(startB) || startB.startsWith(startA)) && (endA.endsWith(endB) || endB.endsWith(endA))
}
