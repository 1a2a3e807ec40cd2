import type { Fault, Path } from '../files/fault.ts'
import type { Entry } from './entries.ts'
import { listOf } from './build-identity.ts'
import type { Report } from './report.ts'
import { namesOwner, sharedIssuers } from './shared-issuers.ts'
import type { WrittenCaller } from './schema.ts'
import type { WrittenClientCertificate, WrittenJwt } from './schema-identity.ts'

/** Faults and warnings of a caller's credentials that are no keys. */
export function checkIdentities(entry: Entry<WrittenCaller>, report: Report): void {
  for (const [path, jwt] of conditionsOf(entry, 'jwt')) {
    checkSource(entry, path, jwt, report)
    checkClaims(entry, [...path, 'claims'], jwt.claims, report)
    checkSharedIssuer(entry, path, jwt, report)
  }
  for (const [path, certificate] of conditionsOf(entry, 'clientCertificate')) checkCertificate(entry, path, certificate, report)
}

/** What is the same credential for two callers is refused for both. */
export function checkTwins(entries: readonly Entry<WrittenCaller>[], report: Report): void {
  const seen = new Map<string, { readonly name: string, readonly locate: () => Fault }>()
  for (const entry of entries) {
    for (const [path, condition] of [...conditionsOf(entry, 'jwt'), ...conditionsOf(entry, 'clientCertificate')]) {
      const form = formOf(condition)
      const first = seen.get(form)
      if (first === undefined) {
        seen.set(form, { name: entry.value.name, locate: () => entry.document.locate({ path: entry.path, message: '' }) })
      } else if (first.name !== entry.value.name) {
        const { file, line, column } = first.locate()
        report.warn(entry, path, `is the same as that of caller ${first.name} at ${file}:${line}:${column}: who is two callers is refused`)
      }
    }
  }
}

type Field = 'jwt' | 'clientCertificate'

function conditionsOf<F extends Field>({ value, sound }: Entry<WrittenCaller>, field: F): (readonly [Path, F extends 'jwt' ? WrittenJwt : WrittenClientCertificate])[] {
  const written = (value as WrittenCaller | null | undefined)?.[field]
  const list = Array.isArray(written)
  return listOf(written as never).map((one, index) => [list ? [field, index] : [field], one] as const).filter(([path]) => sound(path))
}

function checkSource(entry: Entry<WrittenCaller>, path: Path, { issuer, jwksFile, jwksUri, discovery = false, caFile }: WrittenJwt, report: Report): void {
  const sources = [jwksFile !== undefined, jwksUri !== undefined, discovery].filter(given => given)
  if (sources.length !== 1) report.fault(entry, path, 'must have exactly one of: discovery: true, jwksUri, jwksFile: where the issuer\'s keys are')
  if (discovery && !isHttps(issuer)) report.fault(entry, [...path, 'issuer'], 'must be an https URL for discovery: otherwise jwksUri or jwksFile says where its keys are')
  if (jwksUri !== undefined && !isHttps(jwksUri)) report.fault(entry, [...path, 'jwksUri'], 'must be an https URL without user and password')
  if (caFile !== undefined && jwksFile !== undefined) report.fault(entry, [...path, 'caFile'], 'is of no use beside jwksFile: nothing is fetched')
}

function isHttps(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return protocol === 'https:' && username + password === ''
}

/** Deeper than any issuer nests. */
const deepest = 8

function checkClaims(entry: Entry<WrittenCaller>, path: Path, claims: Readonly<Record<string, unknown>>, report: Report, depth = 1): void {
  const fields = Object.entries(claims)
  if (fields.length === 0) report.fault(entry, path, 'must say something: without, every token of the issuer would be this caller')
  if (depth > deepest) return report.fault(entry, path, `is nested deeper than ${deepest} levels`)
  for (const [name, expected] of fields) {
    const at = [...path, name]
    if (typeof expected === 'object' && expected !== null && !Array.isArray(expected)) {
      checkClaims(entry, at, expected as Readonly<Record<string, unknown>>, report, depth + 1)
    } else if (typeof expected !== 'string' && typeof expected !== 'number' && typeof expected !== 'boolean') {
      report.fault(entry, at, 'must be a text, a number, true or false, or a mapping of them; for one of several write one jwt for each')
    } else if (/^\*+$/.test(String(expected))) report.warn(entry, at, 'matches whatever the token says')
  }
}

function checkSharedIssuer(entry: Entry<WrittenCaller>, path: Path, { issuer, claims }: WrittenJwt, report: Report): void {
  const telling = sharedIssuers.get(issuer)
  if (telling === undefined || Object.entries(telling).some(([name, owner]) => Object.hasOwn(claims, name) && namesOwner(claims[name], owner))) return
  report.fault(entry, [...path, 'claims'], `would let anybody in: ${issuer} signs for whoever comes; say whose tokens, before any *, by one of: ${Object.keys(telling).join(', ')}`)
}

function checkCertificate(entry: Entry<WrittenCaller>, path: Path, certificate: WrittenClientCertificate, report: Report): void {
  const { subject, subjectAltName, publicKeySha256 } = certificate
  if (subject === undefined && subjectAltName === undefined && publicKeySha256 === undefined) {
    report.fault(entry, path, 'must have one of: subject, subjectAltName, publicKeySha256: without, every certificate would be this caller')
  }
  if (subject !== undefined && Object.keys(subject).length === 0) report.fault(entry, [...path, 'subject'], 'must have an attribute such as commonName')
}

/** The same for conditions that mean the same, but for the order of their lists. */
function formOf(condition: object): string {
  return JSON.stringify(condition, (_name, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1))
  })
}
