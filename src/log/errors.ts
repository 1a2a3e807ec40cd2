/** What may be said of a foreign error beside its words: none of it holds what was sent or received. */
const facts = ['code', 'errno', 'syscall', 'address', 'port', 'hostname', 'reason', 'path'] as const

/** Causes of causes that are followed. */
const deepest = 5

/**
 * An error as the log has it, with its causes. Only fields that are known: what parsers
 * hang on their errors is the traffic itself (undici's `data`, node's `rawPacket`), and
 * in the numbers of a serialised Buffer no redaction would find a key.
 */
export function serializeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return typeof error === 'object' ? { type: typeof error } : error
  const told: Record<string, unknown> = { type: error.constructor.name, message: error.message, stack: error.stack }
  for (const name of facts) {
    const value = (error as { [name in typeof facts[number]]?: unknown })[name]
    if (typeof value === 'string' || typeof value === 'number') told[name] = value
  }
  if (depth >= deepest) return told
  if (error.cause !== undefined) told['cause'] = serializeError(error.cause, depth + 1)
  if (error instanceof AggregateError) told['errors'] = error.errors.slice(0, 10).map(one => serializeError(one, depth + 1))
  return told
}
