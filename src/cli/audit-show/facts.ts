import type { LoggedEvent } from '../../audit-log/event.ts'

/** The code of a refusal of ours. */
export function codeOf({ annotations }: LoggedEvent): string | undefined {
  return annotations?.['portcullis.dev/code']
}

/** A target without its query. */
export function pathOf(requestURI: string): string {
  const query = requestURI.indexOf('?')
  return query === -1 ? requestURI : requestURI.slice(0, query)
}

/** What was asked about, in kubectl's words: `pods/exec`, `deployments.apps`, `deployments.apps/scale`; else the path. */
export function whatOf({ objectRef, requestURI }: LoggedEvent): string {
  const { resource = '', apiGroup = '', subresource = '' } = objectRef ?? {}
  if (resource === '') return pathOf(requestURI)
  return `${resource}${apiGroup === '' ? '' : `.${apiGroup}`}${subresource === '' ? '' : `/${subresource}`}`
}

/** `namespace/name`, `namespace/` for all that is in it, `name` of what is in none; empty where it is about neither. */
export function whichOf({ objectRef }: LoggedEvent): string {
  const { resource, namespace = '', name = '' } = objectRef ?? {}
  // The API server reads a namespace as lying in itself.
  if (namespace === '' || (resource === 'namespaces' && name === namespace)) return name
  return `${namespace}/${name}`
}

/** It was allowed, and the shadow scopes of its caller would have denied it. */
export function wouldDeny({ annotations }: LoggedEvent): boolean {
  return annotations?.['portcullis.dev/shadow-decision'] === 'forbid'
}

/** The policy leaves its end out, so that the log will never have one. */
export function hasNoEnd({ stage, annotations }: LoggedEvent): boolean {
  return (stage === 'RequestReceived' || stage === 'ResponseStarted') && (annotations?.['portcullis.dev/omitted-stages'] ?? '').split(',').includes('ResponseComplete')
}

/** Milliseconds from arrival to this event. */
export function tookOf({ annotations, requestReceivedTimestamp, stageTimestamp }: LoggedEvent): number {
  const told = Number(annotations?.['portcullis.dev/duration-ms'] ?? NaN)
  return Number.isFinite(told) ? told : Math.max(0, Date.parse(stageTimestamp) - Date.parse(requestReceivedTimestamp))
}

/** Why it was refused, failed, ended before its time, or would be refused by a shadow scope, and what was run; empty where it went well and nothing was. */
export function reasonOf(event: LoggedEvent): string {
  const { code = 0, message = '', reason = '' } = event.responseStatus ?? {}
  const ending = event.annotations?.['portcullis.dev/ending'] ?? ''
  const failed = code >= 400 || code === 0 || event.stage === 'Panic'
  const word = event.stage === 'Panic' ? 'Panic' : codeOf(event) ?? reason
  const parts = [
    wouldDeny(event) ? `would deny (${event.annotations?.['portcullis.dev/shadow-scope'] ?? ''}): ${event.annotations?.['portcullis.dev/shadow-reason'] ?? ''}` : '',
    failed ? [word, message].filter(part => part !== '').join(': ') : '',
    ranOf(event),
    ending === 'complete' || ending === '' ? '' : `ended: ${ending}`,
  ]
  return parts.filter(part => part !== '').join('; ')
}

/** Of an exec its command and how that ended, of a port-forward its ports, and where a session was recorded. */
function ranOf({ annotations = {} }: LoggedEvent): string {
  const about = (name: string) => annotations[`portcullis.dev/${name}`] ?? ''
  const [command, exit, ports, recording] = ['command', 'exit-code', 'ports', 'recording'].map(about) as [string, string, string, string]
  return [
    command === '' ? '' : `ran: ${command}${exit === '' || exit === '0' ? '' : ` (exit code ${exit})`}`,
    ports === '' ? '' : `ports: ${ports}`,
    recording === '' ? '' : `recorded: ${recording}`,
  ].filter(part => part !== '').join(', ')
}
