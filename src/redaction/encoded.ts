import { hideUrlPasswords } from './arguments.ts'
import { redacted, redactKnown, redactSecrets } from './redact.ts'

/** Looks at the text as it is and as it reads once unescaped, however often it was escaped. */
export function hideEncoded(text: string, encode: (plain: string) => string, known: readonly string[]): string {
  const hide = (seen: string) => hideUrlPasswords(redactSecrets(redactKnown(seen, known)))
  const plain = decoded(text)
  if (plain === text) return hide(text)
  const hidden = hide(plain)
  if (hidden === plain) return hide(text)
  return escaped(hidden, encode)
}

/** What was taken out stays to be read. */
export function escaped(plain: string, encode: (plain: string) => string): string {
  return encode(plain).replaceAll('%5Bredacted%5D', redacted)
}

/** Of percent escapes, and of `+` for a blank; the second and later rounds for what was escaped again. */
export function decoded(text: string, rounds = 5): string {
  let plain = text.replaceAll('+', ' ')
  for (let round = 0; round < rounds && plain.includes('%'); round++) {
    const next = plain.replace(/(?:%[0-9a-f]{2})+/gi, run => Buffer.from(run.replaceAll('%', ''), 'hex').toString())
    if (next === plain) break
    plain = next
  }
  return plain
}
