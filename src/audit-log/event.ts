/** `audit.k8s.io/v1` Event as it is read from a log, ours or an API server's: what is named here is of these types, the rest as it came. */
export interface LoggedEvent {
  readonly kind: 'Event'
  readonly apiVersion: 'audit.k8s.io/v1'
  readonly auditID: string
  readonly stage: 'RequestReceived' | 'ResponseStarted' | 'ResponseComplete' | 'Panic'
  readonly requestURI: string
  readonly verb: string
  readonly user: { readonly username?: string, readonly [field: string]: unknown }
  readonly objectRef?: {
    readonly resource?: string
    readonly namespace?: string
    readonly name?: string
    readonly apiGroup?: string
    readonly apiVersion?: string
    readonly subresource?: string
  }
  readonly responseStatus?: { readonly code?: number, readonly message?: string, readonly reason?: string, readonly [field: string]: unknown }
  /** RFC 3339. */
  readonly requestReceivedTimestamp: string
  /** RFC 3339. */
  readonly stageTimestamp: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/**
 * `cut`: the last of its file, without its end; it is being written, or a crash left it so. `damaged`: an
 * event that is not whole, or not as events are. `foreign`: none of the audit log. `version`: an event,
 * of another version. `too-long`: of more bytes than are held. `unreadable`: the file, from there on.
 */
export interface LineFault {
  readonly kind: 'cut' | 'damaged' | 'foreign' | 'version' | 'too-long' | 'unreadable'
  /** For people, after `file:line: `; harmless to print. */
  readonly why: string
}

/** The event that a line is, or what is wrong with the line. */
export type Judged = { readonly event: LoggedEvent } | { readonly fault: LineFault }

/** Reads a line without its end. `ended`: that there was one, as behind every line but the last that is being written. */
export function judgeLine(text: string, ended = true): Judged {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { fault: faultOfText(text, ended) }
  }
  if (!isObject(value)) return fault('foreign', 'is JSON, but no object')
  if (value['kind'] !== 'Event') return fault('foreign', 'is a JSON object, but no audit event')
  if (value['apiVersion'] !== 'audit.k8s.io/v1') return fault('version', `is of ${named(value['apiVersion'])}; audit.k8s.io/v1 is what this version reads`)
  const wrong = wrongField(value)
  return wrong === undefined ? { event: value as unknown as LoggedEvent } : fault('damaged', `is an event whose ${wrong} is missing or odd`)
}

function fault(kind: LineFault['kind'], why: string): Judged {
  return { fault: { kind, why } }
}

/** What an event of ours and of the API server's begins with; theirs may have its fields in another order. */
const begins = /^\s*\{\s*"(?:kind|apiVersion|metadata|level|auditID)"/

function faultOfText(text: string, ended: boolean): LineFault {
  if (text.includes('\0')) return { kind: 'damaged', why: 'holds NUL bytes, as a machine leaves them that lost power' }
  // Without its end a line is not damaged yet: it may become whole.
  if (!ended && text.startsWith('{') && isOpen(text)) return { kind: 'cut', why: 'is the last line, and cut: it is being written, or a crash left it so' }
  if (!begins.test(text)) return { kind: 'foreign', why: 'is no JSON' }
  return { kind: 'damaged', why: isOpen(text) ? 'breaks off in the middle of an event' : 'is an event with damaged JSON' }
}

/** Whether a text ends before its first object does. */
function isOpen(text: string): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (inString) {
      if (character === '\\') at += 1
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === '{') depth += 1
    else if (character === '}' && --depth === 0) return false
  }
  return true
}

type Fields = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const stages = new Set<unknown>(['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'])
const texts = ['auditID', 'requestURI', 'verb', 'requestReceivedTimestamp', 'stageTimestamp'] as const
const objectTexts = ['resource', 'namespace', 'name', 'apiGroup', 'apiVersion', 'subresource'] as const

/** The first field that is not of its type; undefined where all are. */
function wrongField(event: Fields): string | undefined {
  for (const name of texts) if (typeof event[name] !== 'string') return name
  if (!stages.has(event['stage'])) return 'stage'
  const { user, objectRef, responseStatus, annotations, requestReceivedTimestamp, stageTimestamp } = event
  if (!isTime(requestReceivedTimestamp as string)) return 'requestReceivedTimestamp'
  if (!isTime(stageTimestamp as string)) return 'stageTimestamp'
  if (!isObject(user) || !isTextOrNone(user['username'])) return 'user'
  if (objectRef !== undefined && !(isObject(objectRef) && objectTexts.every(name => isTextOrNone(objectRef[name])))) return 'objectRef'
  if (responseStatus !== undefined && !isStatus(responseStatus)) return 'responseStatus'
  if (annotations !== undefined && !(isObject(annotations) && Object.values(annotations).every(isText))) return 'annotations'
  return undefined
}

/** RFC 3339, as Go prints it: what this matches, Date reads. */
const timeForm = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

function isTime(text: string): boolean {
  return timeForm.test(text)
}

function isStatus(status: unknown): boolean {
  if (!isObject(status)) return false
  const { code, message, reason } = status
  return (code === undefined || Number.isInteger(code)) && isTextOrNone(message) && isTextOrNone(reason)
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

function isTextOrNone(value: unknown): boolean {
  return value === undefined || typeof value === 'string'
}

/** An apiVersion, where it is one that can be printed. */
function named(version: unknown): string {
  return typeof version === 'string' && /^[\w./-]{1,60}$/.test(version) ? version : 'no known version'
}
