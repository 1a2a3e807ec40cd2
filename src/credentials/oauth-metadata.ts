import type { Fetched } from '../clusters/cluster.ts'
import { parseFields, type Fields } from '../json-fields.ts'

/** What an API server tells of its OAuth server (RFC 8414, as OpenShift serves it). */
export interface OAuthMetadata {
  /** As it is written there: redirect URIs begin with it, to the letter. */
  readonly issuer: string
  readonly authorizationEndpoint: URL
  readonly tokenEndpoint: URL
  /** It binds a code to who asked for it (RFC 7636, S256); OpenShift 3 did not always. */
  readonly pkce: boolean
}

export const metadataPath = '/.well-known/oauth-authorization-server'

/** Throws an Error, in words for the operator, where there is none or it is not to be trusted. */
export function readMetadata({ status, body }: Pick<Fetched, 'status' | 'body'>): OAuthMetadata {
  if (status === 401 || status === 403) {
    throw new Error(`the API server tells nobody without a credential where its OAuth server is (${status} at ${metadataPath})`)
  }
  if (status !== 200) {
    throw new Error(`the API server tells of no OAuth server (${status} at ${metadataPath}): is it OpenShift, and with its own OAuth server?`)
  }
  const fields = parseFields(body)
  if (fields === undefined) throw new Error(`what the API server tells of its OAuth server is no JSON object (at ${metadataPath})`)
  const methods = fields['code_challenge_methods_supported']
  return {
    issuer: httpsUrl(fields, 'issuer'),
    authorizationEndpoint: new URL(httpsUrl(fields, 'authorization_endpoint')),
    tokenEndpoint: new URL(httpsUrl(fields, 'token_endpoint')),
    pkce: Array.isArray(methods) && methods.includes('S256'),
  }
}

/** The password and the token go there, so nothing but https. */
function httpsUrl(fields: Fields, name: string): string {
  const text = fields[name]
  if (typeof text !== 'string' || !URL.canParse(text)) throw new Error(`what the API server tells of its OAuth server has no ${name} that is a URL`)
  if (new URL(text).protocol !== 'https:') throw new Error(`the ${name} of the OAuth server is refused: it is not https`)
  return text
}
