import { formatPath } from '../files/fault.ts'
import type { Fault } from '../files/fault.ts'
import { checkSchema } from '../files/schema.ts'
import { checkCaller } from './check-caller.ts'
import type { CallerContext } from './check-caller.ts'
import type { Entry, WrittenGrant } from './entries.ts'
import { Report } from './report.ts'
import { callerSchema } from './schema.ts'
import type { NewCaller, StoredCallers } from './store.ts'

export interface NewCallerFindings {
  readonly faults: readonly string[]
  readonly warnings: readonly string[]
}

/** What would be said of a caller once it is among the others, before it is: `allowedFrom[0]: must be a CIDR …`. */
export function checkNewCaller(caller: NewCaller, { scopes }: StoredCallers, context: Omit<CallerContext, 'scopes'>): NewCallerFindings {
  const { value, findings } = checkSchema(callerSchema, caller)
  if (findings.length > 0) return { faults: findings.map(({ path, message }) => `${formatPath(path)}: ${message}`), warnings: [] }
  const report = new Report()
  const known = new Map(scopes.map(scope => [scope.value.name, entryOf<WrittenGrant>(scope.value)]))
  checkCaller(entryOf(value), { ...context, scopes: known }, report)
  return { faults: report.faults.map(inWords), warnings: report.warnings.map(inWords) }
}

/** Of something that stands nowhere yet. */
function entryOf<T>(value: T): Entry<T> {
  const locate = ({ path, message }: { path: (string | number)[], message: string }) => ({ file: '', line: 1, column: 1, path: formatPath(path), message })
  return { value, path: [], document: { value, locate: ({ path, message }) => locate({ path: [...path], message }) }, sound: () => true }
}

function inWords({ path, message }: Fault): string {
  return path === '' ? message : `${path}: ${message}`
}
