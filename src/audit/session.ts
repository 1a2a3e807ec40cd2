import { opensSession } from '../model/attributes.ts'
import { allValues, queryOf } from '../queries/query.ts'
import { commandLine } from '../redaction/command.ts'
import type { Moment } from './event.ts'

/**
 * What an exec, attach or port-forward asks of its pod (a node's proxy of what is behind it), which the API server's own event tells in
 * `requestURI` alone: container (none: the pod's default one), command as a person would type it,
 * ports; and of its recording what became of it. Undefined for any other request.
 */
export function sessionAnnotations({ facts, outcome }: Moment, known: readonly string[]): Record<string, string> | undefined {
  if (facts.resolved === undefined || !opensSession(facts.resolved.attributes)) return undefined
  const { target } = facts.resolved
  const query = allValues(queryOf(target))
  const recording = outcome === undefined ? undefined : facts.session?.recording
  const found = {
    command: commandLine(query.get('command') ?? [], known),
    container: commandLine(query.get('container')?.slice(0, 1) ?? [], known),
    'exit-code': recording?.exitCode,
    ports: portsOf(query.get('ports') ?? [], outcome === undefined ? [] : facts.session?.ports ?? []),
    recording: recording?.file,
    'recording-sha256': recording?.sha256,
    'recording-truncated': recording?.truncated,
  }
  const told = Object.entries(found).filter(([, value]) => value !== undefined && value !== '')
  return Object.fromEntries(told.map(([name, value]) => [`portcullis.dev/${name}`, String(value)]))
}

/** As asked for in the query (`ports=80&ports=81,82`), and by the session's own streams. */
function portsOf(asked: readonly string[], opened: readonly number[]): string {
  const numbers = [...asked.flatMap(each => each.split(',')).filter(each => /^\d{1,5}$/.test(each)).map(Number), ...opened]
  return [...new Set(numbers)].slice(0, 100).join(',')
}
