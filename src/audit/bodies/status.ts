/** What the API server copies of a `meta/v1` Status into its event (LogResponseObject in k8s.io/apiserver pkg/audit/context.go). */
export interface AnsweredStatus {
  readonly status?: string
  readonly message?: string
  readonly reason?: string
  readonly details?: StatusDetails
}

export interface StatusDetails {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly uid?: string
  readonly causes?: readonly { readonly reason?: string, readonly message?: string, readonly field?: string }[]
  readonly retryAfterSeconds?: number
}

/** Undefined where it is something else. Of the fields only those that a Status has, of the types that they have. */
export function readStatus(value: unknown): AnsweredStatus | undefined {
  const { kind, details, ...rest } = asObject(value)
  if (kind !== 'Status') return undefined
  const known = detailsOf(details)
  return { ...texts(rest, ['status', 'message', 'reason']), ...known === undefined ? {} : { details: known } }
}

/** What may be told where the object is a secret: words may quote it. */
export function withoutWords({ message: _, details, ...rest }: AnsweredStatus): AnsweredStatus {
  if (details === undefined) return rest
  const { causes: _causes, ...known } = details
  return { ...rest, details: known }
}

function detailsOf(value: unknown): StatusDetails | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { causes, retryAfterSeconds, ...rest } = asObject(value)
  return {
    ...texts(rest, ['name', 'group', 'kind', 'uid']),
    ...Array.isArray(causes) ? { causes: causes.map(cause => texts(asObject(cause), ['reason', 'message', 'field'])) } : {},
    ...Number.isInteger(retryAfterSeconds) ? { retryAfterSeconds: retryAfterSeconds as number } : {},
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? value as Record<string, unknown> : {}
}

function texts<K extends string>(value: Record<string, unknown>, names: readonly K[]): { [N in K]?: string } {
  return Object.fromEntries(names.flatMap(name => typeof value[name] === 'string' ? [[name, value[name]]] : [])) as { [N in K]?: string }
}
