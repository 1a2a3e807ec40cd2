import { readFile } from 'node:fs/promises'
import { whyUnreadable } from '../files/unreadable.ts'
import { parseFields } from '../json-fields.ts'
import type { KeySource } from '../model/identity.ts'
import { fetchJson } from './fetch-json.ts'
import { readKeySet, type IssuerKey } from './key-set.ts'

/** Reads the keys of a source as they are now. Rejects with an Error, in words for the operator, that names the source. */
export type ReadSource = (source: KeySource, signal: AbortSignal) => Promise<readonly IssuerKey[]>

/** Milliseconds for each request. */
const within = 5000

export const readSource: ReadSource = async (source, signal) => {
  switch (source.kind) {
    case 'file': return keysOf(source.file, await readFile(source.file, 'utf8').catch((cause: unknown) => {
      throw new Error(`the file ${source.file} ${whyUnreadable(cause)}`, { cause })
    }))
    case 'uri': return fetchKeys(source.uri, source.caFile, signal)
    case 'discovery': return fetchKeys(await discover(source, signal), source.caFile, signal)
  }
}

async function fetchKeys(uri: string, caFile: string | undefined, signal: AbortSignal): Promise<readonly IssuerKey[]> {
  return keysOf(uri, await fetchJson(uri, { caFile, within, signal }))
}

function keysOf(where: string, text: string): readonly IssuerKey[] {
  try {
    return readKeySet(text)
  } catch (cause) {
    throw new Error(`${where} ${(cause as Error).message}`, { cause })
  }
}

/** OpenID Connect Discovery 1.0, §4: the document must name the very issuer that was asked (§4.3), or its keys would be another's. */
async function discover({ issuer, caFile }: Extract<KeySource, { kind: 'discovery' }>, signal: AbortSignal): Promise<string> {
  const url = `${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`
  const found = parseFields(await fetchJson(url, { caFile, within, signal }))
  if (found === undefined) throw new Error(`${url} is no JSON object`)
  if (found['issuer'] !== issuer) throw new Error(`${url} names another issuer than ${issuer}`)
  const uri = found['jwks_uri']
  if (typeof uri !== 'string' || !URL.canParse(uri)) throw new Error(`${url} names no jwks_uri`)
  if (new URL(uri).protocol !== 'https:') throw new Error(`${url} names a jwks_uri that is not https`)
  return uri
}
