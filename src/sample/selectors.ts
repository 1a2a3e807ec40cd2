import type { KubeObject } from './json.ts'
import { at, text } from './json.ts'
import { badRequest } from './status.ts'

export type Matches = (object: KubeObject) => boolean

const requirement = /^(?:(!)?\s*([^\s=!,()]+)|([^\s=!,()]+)\s*(==|=|!=)\s*([^\s=!,()]*)|([^\s=!,()]+)\s+(in|notin)\s*\(([^()]*)\))$/

/** Reads a label selector: `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, joined by commas. */
export function labelSelector(selector: string): Matches {
  const matchers = splitOutsideParentheses(selector).map(labelRequirement)
  return (object) => matchers.every((matches) => matches(object))
}

function labelRequirement(part: string): Matches {
  const match = requirement.exec(part)
  if (match === null) throw badRequest(`unable to parse requirement: found '${part}'`)
  const [, not, present, key = '', operator, value = '', setKey = '', setOperator, set = ''] = match
  const label = (object: KubeObject, name: string) => at(object.metadata, 'labels', name)
  if (present !== undefined) return (object) => (label(object, present) !== undefined) === (not === undefined)
  if (operator !== undefined) return (object) => (label(object, key) === value) === (operator !== '!=')
  const values = set.split(',').map((each) => each.trim())
  return (object) => values.includes(String(label(object, setKey) ?? '\0')) === (setOperator === 'in')
}

function splitOutsideParentheses(selector: string): string[] {
  return selector.split(/,(?![^(]*\))/).map((part) => part.trim()).filter((part) => part !== '')
}

/** The fields that some resource can be selected by; each is read as a string. */
const selectable = new Set([
  'metadata.name', 'metadata.namespace', 'status.phase', 'spec.nodeName', 'spec.restartPolicy',
  'spec.serviceAccountName', 'type', 'reason', 'source', 'spec.host',
  'involvedObject.kind', 'involvedObject.name', 'involvedObject.namespace', 'involvedObject.uid',
  'involvedObject.apiVersion', 'involvedObject.resourceVersion', 'involvedObject.fieldPath',
])

/** Reads a field selector: `metadata.name=x,status.phase!=Running`. */
export function fieldSelector(selector: string): Matches {
  const matchers = selector.split(',').filter((part) => part !== '').map(fieldRequirement)
  return (object) => matchers.every((matches) => matches(object))
}

function fieldRequirement(part: string): Matches {
  const [, field = '', operator, value = ''] = /^([^=!]+)(==|=|!=)(.*)$/.exec(part) ?? []
  if (operator === undefined) throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`)
  if (!selectable.has(field)) throw badRequest(`field label not supported: ${field}`)
  const path = field.split('.')
  return (object) => (text(object, ...path) === value) === (operator !== '!=')
}
