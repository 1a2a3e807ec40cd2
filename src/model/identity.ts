/** What stands in a caller's entry beside its keys: other credentials that are this caller. */
export interface Identities {
  readonly jwts: readonly JwtCondition[]
  readonly certificates: readonly CertificateCondition[]
}

/** A JWT of an issuer that is the caller where all of this holds. */
export interface JwtCondition {
  readonly issuer: string
  /** The token is for one of these. */
  readonly audiences: readonly string[]
  readonly source: KeySource
  /** JWS names; none of them by a shared secret. */
  readonly algorithms: readonly string[]
  /** Never empty. */
  readonly claims: readonly ClaimCondition[]
}

/** Where an issuer's keys (a JWKS) are. Files absolute; `caFile` undefined: the authorities that Node trusts. */
export type KeySource =
  | { readonly kind: 'file', readonly file: string }
  | { readonly kind: 'uri', readonly uri: string, readonly caFile: string | undefined }
  | { readonly kind: 'discovery', readonly issuer: string, readonly caFile: string | undefined }

export interface ClaimCondition {
  /** The claim's name; then, where that is an object, the names of what is in it. */
  readonly path: readonly string[]
  /** A text may hold `*` for any characters. A claim that is a list has it as one of its items. */
  readonly expected: string | number | boolean
}

/** A client certificate that is the caller where all that is given holds; something always is. */
export interface CertificateCondition {
  /** By short name (`CN`, `O`): all attributes of the subject, with all their values, and no others. */
  readonly subject: Readonly<Record<string, readonly string[]>> | undefined
  /** One of the certificate's, in the form of `PeerCertificate`. */
  readonly subjectAltName: string | undefined
  /** Of the SubjectPublicKeyInfo in DER, lower-case hexadecimal. */
  readonly publicKeySha256: string | undefined
}

/**
 * What a caller showed in the TLS handshake, verified then against the authorities of
 * that time: whether they are still those in force, who asks has to look.
 */
export interface PeerCertificate {
  /** DER; the certificate, then what it came with of its chain. */
  readonly chain: readonly Uint8Array[]
  readonly subject: Readonly<Record<string, readonly string[]>>
  /** `DNS:ci.example`, `URI:spiffe://…`, `email:…`, `IP:10.0.0.1`; in one spelling. */
  readonly subjectAltNames: readonly string[]
  readonly publicKeySha256: string
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
}
