/** An unsigned JWT: claims are read, not verified. */
export function jwt(claims: object): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${encode({ alg: 'RS256', kid: 'x' })}.${encode(claims)}.c2lnbmF0dXJl`
}
