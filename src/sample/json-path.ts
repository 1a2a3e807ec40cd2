import type { Json } from './json.ts'
import { at, isObject } from './json.ts'

type Step = (values: readonly Json[]) => Json[]

const step = /^(?:\.([A-Za-z0-9_$-]+)|\['([^']+)'\]|\[(\d+|\*)\]|\[\?\(@((?:\.[A-Za-z0-9_-]+)+)==["']([^"']*)["']\)\])/

/**
 * Reads the part of JSONPath that printer columns are written in: `.a.b`, `['a.b']`, `[0]`, `[*]`,
 * `[?(@.type=="Ready")]`. Gives the first value, as the API server prints; null where there is none.
 */
export function jsonPath(path: string): (value: Json) => Json {
  const steps: Step[] = []
  for (let rest = path; rest !== '';) {
    const found = step.exec(rest)
    if (found === null) return () => null
    steps.push(stepOf(found))
    rest = rest.slice(found[0].length)
  }
  return (value) => steps.reduce<readonly Json[]>((values, each) => each(values), [value])[0] ?? null
}

function stepOf([, field, quoted, place, filter, wanted]: RegExpExecArray): Step {
  const name = field ?? quoted
  if (name !== undefined) return (values) => values.flatMap((value) => present(isObject(value) ? at(value, name) : undefined))
  if (place === '*') return (values) => values.flatMap((value) => (Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []))
  if (place !== undefined) return (values) => values.flatMap((value) => present(at(value, Number(place))))
  const inner = (filter ?? '').slice(1).split('.')
  return (values) => values.flatMap((value) => (Array.isArray(value) ? value.filter((item) => at(item, ...inner) === wanted) : []))
}

function present(value: Json | undefined): Json[] {
  return value === undefined ? [] : [value]
}
