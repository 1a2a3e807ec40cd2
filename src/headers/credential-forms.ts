/**
 * How a secret may be written within a line: plain, percent-encoded, in base64 and
 * base64url behind whatever other bytes (as the password of `Basic` is). Whoever looks
 * for all of these finds it also as a part of something longer.
 */
export function formsOf(secret: string): string[] {
  if (secret === '') return []
  const escaped = encodeURIComponent(secret)
  const lowerEscaped = escaped.replace(/%../g, triplet => triplet.toLowerCase())
  return [...new Set([secret, escaped, lowerEscaped, ...encodedForms(secret, 'base64'), ...encodedForms(secret, 'base64url')])]
}

/** Fewer characters are found by chance. */
const shortestEncoded = 16

/** Behind 0, 1 or 2 other bytes, less the characters that its neighbours touch. */
function encodedForms(secret: string, alphabet: 'base64' | 'base64url'): string[] {
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)]).toString(alphabet).replace(/=+$/, '')
    return encoded.slice(offset === 0 ? 0 : offset + 1, -2)
  }).filter(form => form.length >= shortestEncoded)
}
