import { printableJson } from '../redaction/printable.ts'
import { microTime, type AuditEvent } from './event.ts'

/** What `toLine` begins with, up to the stage: so no line has to be parsed. */
const start = /^\{"kind":"Event","apiVersion":"audit\.k8s\.io\/v1","level":"\w+","auditID":"([^"]+)","stage":"(\w+)"/

/** Requests that have begun in the log and not ended: what would stay so if who serves them died. */
export class Unfinished {
  readonly #lines = new Map<string, string>()

  note(line: string): void {
    const [, auditId, stage] = start.exec(line) ?? []
    if (auditId === undefined) return
    if (stage === 'ResponseComplete' || isOpenEnded(line)) this.#lines.delete(auditId)
    else this.#lines.set(auditId, line)
  }

  /** A last line for each, of the stage that the API server itself writes of a request whose handler died. `at` is in milliseconds since the epoch. */
  end(at: number): string[] {
    const lines = [...this.#lines.values()].map(line => printableJson(JSON.stringify(toPanic(JSON.parse(line) as AuditEvent, at))))
    this.#lines.clear()
    return lines
  }
}

/** Whether the policy omits a stage that would be its last. Annotations come last in a line: a body before them may say what it likes. */
function isOpenEnded(line: string): boolean {
  return line.includes('"portcullis.dev/omitted-stages":', line.lastIndexOf('"annotations":{'))
}

/** As k8s.io/apiserver pkg/endpoints/filters/audit.go fills it. */
function toPanic({ requestReceivedTimestamp, stageTimestamp: _, annotations, ...event }: AuditEvent, at: number): AuditEvent {
  return {
    ...event,
    stage: 'Panic',
    responseStatus: { metadata: {}, status: 'Failure', message: 'the worker that served it died', reason: 'InternalError', code: 500 },
    // Behind the status, in the order of the API server's log, also where there was none before.
    requestReceivedTimestamp,
    stageTimestamp: microTime(at),
    ...(annotations === undefined ? {} : { annotations }),
  }
}
