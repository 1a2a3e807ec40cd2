/**
 * Raw headers as undici's handlers get them: a flat array of buffers, whatever its types
 * allow. latin1 keeps every byte (RFC 9110 §5.5).
 */
export function flatHeaders(raw: unknown): string[] {
  if (!Array.isArray(raw)) return []
  return raw.map((part: string | Buffer) => typeof part === 'string' ? part : part.toString('latin1'))
}
