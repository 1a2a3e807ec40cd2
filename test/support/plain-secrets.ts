import { asFields } from '../../src/json-fields.ts'
import type { Manifest } from './chart.ts'
import { podSpecs } from './pod-security.ts'

/** What a secret looks like, in a manifest that everybody may read who may see the workload. */
const forms: readonly [string, RegExp][] = [
  ['a private key', /-----BEGIN [A-Z ]*PRIVATE KEY-----/],
  ['an API key', /pcl_[0-9A-Za-z]{8}_[0-9A-Za-z]{20,}/],
  // Who may do what is not for everybody either.
  ['the digest of an API key', /(?<!@)\bsha256["']?: *["']?[0-9a-f]{64}\b/],
  ['a token', /\beyJ[\w-]{10,}\.[\w-]{10,}\./],
  ['a token', /\bsha256~[\w-]{20,}/],
  ['a password', /\b(?:password|passwd|client[_-]?secret|token): *["']?[^\s{"'/][^\s"']*/i],
  ['a password in a URL', /:\/\/[^/\s:@]+:[^/\s@]+@/],
]

/** Secrets in whatever is no Secret: data of ConfigMaps, arguments, variables, annotations. `kind/name: what`. */
export function plainSecrets(manifests: readonly Manifest[]): string[] {
  return manifests.filter(({ kind }) => kind !== 'Secret').flatMap((manifest) => {
    const place = `${manifest.kind}/${manifest.metadata.name}`
    const texts = textsOf(manifest)
    const seen = forms.filter(([, form]) => texts.some(text => form.test(text))).map(([what]) => `${place}: ${what}`)
    return [...seen, ...podSpecs(manifest).flatMap(writtenVariables).map(name => `${place}: the value of ${name} stands in the pod`)]
  })
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(textsOf)
}

/** Variables whose names say that they are secret, and whose values are not taken from a Secret. */
function writtenVariables(pod: Readonly<Record<string, unknown>>): string[] {
  const containers = Array.isArray(pod['containers']) ? pod['containers'].map(asFields) : []
  return containers.flatMap(({ env }) => Array.isArray(env) ? env.map(asFields) : [])
    .filter(({ name, value }) => value !== undefined && /TOKEN|SECRET|PASSWORD|KEY/i.test(String(name)))
    .map(({ name }) => String(name))
}
