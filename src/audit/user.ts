import { readImpersonation } from '../headers/impersonation.ts'
import type { Arrival } from '../model/arrival.ts'
import type { Facts } from '../model/trail.ts'
import { redactSecrets } from '../redaction/redact.ts'

/** `authentication.k8s.io/v1` UserInfo. */
export interface UserInfo {
  username?: string
  uid?: string
  groups?: readonly string[]
  extra?: Readonly<Record<string, readonly string[]>>
}

/** Nobody yet is `{}`, as in the API server's own event of a 401. */
export function userOf({ caller }: Facts): UserInfo {
  if (caller === undefined) return {}
  const { definition: { name: username }, credentialId } = caller
  if (caller.extra === undefined) return { username, extra: { 'portcullis.dev/key-id': [credentialId] } }
  // What an issuer wrote into a token is looked through as everything that comes from outside.
  const more = Object.entries(caller.extra).map(([name, values]) => [name, values.map(redactSecrets)] as const)
  return { username, extra: { 'portcullis.dev/key-id': [credentialId], ...Object.fromEntries(more) } }
}

/** Whom the API server will see in the caller's stead: as configured, or as asked for and allowed. */
export function impersonated({ arrival, facts }: { readonly arrival: Arrival, readonly facts: Facts }): UserInfo | undefined {
  const configured = facts.caller?.definition.impersonate
  if (configured !== undefined) {
    return { username: configured.user, ...(configured.groups.length === 0 ? {} : { groups: configured.groups }) }
  }
  if (facts.verdict?.allowed !== true) return undefined
  const asked = readImpersonation(arrival.rawHeaders)
  if (asked === undefined) return undefined
  return {
    ...(asked.user === undefined ? {} : { username: asked.user }),
    ...(asked.uid === undefined ? {} : { uid: asked.uid }),
    ...(asked.groups.length === 0 ? {} : { groups: asked.groups }),
    ...(Object.keys(asked.extra).length === 0 ? {} : { extra: asked.extra }),
  }
}
