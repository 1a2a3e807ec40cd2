import { Type } from '../files/shape.ts'
import type { Static } from '../files/shape.ts'

const text = (title: string, pattern: string, description: string) => Type.String({ title, pattern, description })
const filled = '^[\\s\\S]+$'

/** None by a shared secret: whoever may verify such a token could make one. */
export const jwtAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const

const audience = Type.Union([
  Type.String({ pattern: filled, title: 'a text' }),
  Type.Array(Type.String({ pattern: filled, title: 'a text' }), { minItems: 1 }),
], { title: 'a text or a list of them', description: 'Whom the token is for: it names one of these. Ask for tokens of an audience of our own, so that one for something else is worth nothing here.' })

const jwt = Type.Object({
  issuer: text('the issuer as its tokens write it (iss)', '^[\\x21-\\x7e]{1,512}$', 'The token\'s iss, to the letter.'),
  audience,
  discovery: Type.Optional(Type.Boolean({ description: 'true: the keys are found through <issuer>/.well-known/openid-configuration.' })),
  jwksUri: Type.Optional(text('an https URL', '^https://', 'Where the keys are (a JWKS).')),
  jwksFile: Type.Optional(text('a file', filled, 'The keys (a JWKS) in a file of the proxy, which is followed; relative to a file of callers, absolute in a Caller object.')),
  caFile: Type.Optional(text('a file', filled, 'Whom to trust for discovery and jwksUri, in a file as jwksFile is; default: the authorities that Node trusts.')),
  algorithms: Type.Array(Type.Enum(jwtAlgorithms), {
    default: [...jwtAlgorithms], minItems: 1, description: 'How the token may be signed.',
  }),
  claims: Type.Record({
    description: 'What the token must say, all of it: a text (* stands for any characters), a number, true or false; nested as in the token. Where it has a list, one of its items.',
  }),
}, {
  additionalProperties: false,
  description: 'A JWT, as CI systems and other clusters issue them.',
  'x-unknown': { jwks: 'is written to a file: jwksFile', secret: 'is of no use: tokens by a shared secret are refused' },
})

const values = (description: string) => Type.Optional(Type.Union([
  Type.String({ pattern: filled, title: 'a text' }),
  Type.Array(Type.String({ pattern: filled, title: 'a text' }), { minItems: 1 }),
], { title: 'a text or a list of them', description }))

const subject = Type.Object({
  commonName: values('CN'),
  organization: values('O'),
  organizationalUnit: values('OU'),
  country: values('C'),
  state: values('ST'),
  locality: values('L'),
  domainComponent: values('DC'),
  userId: values('UID'),
  emailAddress: values('emailAddress'),
  serialNumber: values('serialNumber'),
}, { additionalProperties: false, description: 'All of the subject: every attribute and value that it has, no more and no less.' })

const clientCertificate = Type.Object({
  subject: Type.Optional(subject),
  subjectAltName: Type.Optional(text('DNS:, URI:, email: or IP: and a name', '^(DNS|URI|email|IP):.+$', 'One of its subject alternative names, as in URI:spiffe://example/ci.')),
  publicKeySha256: Type.Optional(text('SHA-256 of the public key: 64 hexadecimal digits', '^[0-9A-Fa-f]{64}$', 'SHA-256 of its public key (SubjectPublicKeyInfo in DER), hexadecimal.')),
}, { additionalProperties: false, description: 'A client certificate of an authority in listen.tls.clientCaFile.' })

/** Fields of a caller beside its keys. */
export const identityFields = {
  jwt: Type.Optional(Type.Union([jwt, Type.Array(jwt, { minItems: 1 })], {
    title: '{ issuer, audience, claims, … } or a list of them', description: 'JWTs that are this caller.',
  })),
  clientCertificate: Type.Optional(Type.Union([clientCertificate, Type.Array(clientCertificate, { minItems: 1 })], {
    title: '{ subject, subjectAltName, publicKeySha256 } or a list of them', description: 'Client certificates that are this caller: all that is given must fit.',
  })),
}

export type WrittenJwt = Static<typeof jwt>
export type WrittenClientCertificate = Static<typeof clientCertificate>
export interface WrittenIdentities {
  readonly jwt?: WrittenJwt | readonly WrittenJwt[] | undefined
  readonly clientCertificate?: WrittenClientCertificate | readonly WrittenClientCertificate[] | undefined
}
