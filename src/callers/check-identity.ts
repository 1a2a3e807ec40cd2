import { isAbsolute } from 'node:path'
import { canonicalName } from '../addresses/subject-alt-name.ts'
import type { Fault, Path } from '../files/fault.ts'
import { formOf } from '../json-fields.ts'
import { listOf } from './build-identity.ts'
import type { Entry } from './entries.ts'
import type { Report } from './report.ts'
import { namesOwner, sharedIssuers } from './shared-issuers.ts'
import type { WrittenCaller } from './schema.ts'
import type { WrittenClientCertificate, WrittenJwt } from './schema-identity.ts'

/** Faults and warnings of a caller's credentials that are no keys. */
export function checkIdentities(entry: Entry<WrittenCaller>, report: Report): void {
  for (const [path, jwt] of conditionsOf(entry, 'jwt', entry.value?.jwt)) {
    checkSource(entry, path, jwt, report)
    checkClaims(entry, [...path, 'claims'], jwt.claims, report)
    checkSharedIssuer(entry, path, jwt, report)
  }
  for (const [path, certificate] of conditionsOf(entry, 'clientCertificate', entry.value?.clientCertificate)) checkCertificate(entry, path, certificate, report)
}

/** Of an entry that stands in no folder, files are named in full. */
export function checkFilesInFull(entry: Entry<WrittenCaller>, report: Report): void {
  for (const [path, jwt] of conditionsOf(entry, 'jwt', entry.value?.jwt)) {
    for (const field of ['jwksFile', 'caFile'] as const) {
      const file = jwt[field]
      if (file !== undefined && !isAbsolute(file)) report.fault(entry, [...path, field], 'must be an absolute path, where the proxy has the file: an object is in no folder that it could be relative to')
    }
  }
}

/** By condition: of thousands that are put together anew, few are new. */
const forms = new WeakMap<object, string>()

function knownFormOf(condition: object): string {
  const form = forms.get(condition) ?? formOf(condition)
  forms.set(condition, form)
  return form
}

/** What is the same credential for two callers is refused for both. */
export function checkTwins(entries: readonly Entry<WrittenCaller>[], report: Report): void {
  const seen = new Map<string, { readonly name: string, readonly locate: () => Fault }>()
  for (const entry of entries) {
    for (const [path, condition] of [...conditionsOf(entry, 'jwt', entry.value?.jwt), ...conditionsOf(entry, 'clientCertificate', entry.value?.clientCertificate)]) {
      const form = knownFormOf(condition)
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

function conditionsOf<T extends object>({ sound }: Entry<unknown>, field: 'jwt' | 'clientCertificate', written: T | readonly T[] | undefined): (readonly [Path, T])[] {
  const list = Array.isArray(written)
  return listOf(written).map((one, index) => [list ? [field, index] : [field], one] as const).filter(([path]) => sound(path))
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
    } else if (!isComparable(expected)) {
      report.fault(entry, at, 'must be a text, a number, true or false, or a mapping of them; for one of several write one jwt for each')
    } else if (/^\*+$/.test(String(expected))) report.warn(entry, at, 'matches whatever the token says')
  }
}

/** No JSON has a number that is not finite. */
function isComparable(expected: unknown): boolean {
  return typeof expected === 'string' || typeof expected === 'boolean' || Number.isFinite(expected)
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
  if (subjectAltName !== undefined && canonicalName(subjectAltName) === undefined) {
    report.fault(entry, [...path, 'subjectAltName'], 'is no IP address that a certificate could have: IP:10.0.0.1, or IP:2001:db8::1 without a zone')
  }
}
