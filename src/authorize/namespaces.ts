import { isGlob, matchesGlob } from '../glob.ts'

/** Which namespaces a list of names and globs covers; '' stands for cluster-scoped and all-namespace requests. */
export interface NamespaceSet {
  /** Exactly `["*"]`: everything, `''` too. */
  readonly all: boolean
  covers(namespace: string): boolean
}

/** Compiled once for each list (the array itself is the key: its readers share it). */
const compiled = new WeakMap<readonly string[], NamespaceSet>()

export function namespaceSet(list: readonly string[]): NamespaceSet {
  let set = compiled.get(list)
  if (set === undefined) compiled.set(list, set = compile(list))
  return set
}

export function coversAll(list: readonly string[]): boolean {
  return list.length === 1 && list[0] === '*'
}

function compile(list: readonly string[]): NamespaceSet {
  const all = coversAll(list)
  const names = new Set(list.filter(entry => !isGlob(entry)))
  const globs = list.filter(isGlob)
  return {
    all,
    covers(namespace) {
      if (all) return true
      if (namespace === '') return false
      return names.has(namespace) || globs.some(glob => matchesGlob(glob, namespace))
    },
  }
}
