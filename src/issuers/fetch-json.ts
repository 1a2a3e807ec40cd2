import { readFile } from 'node:fs/promises'
import { Agent, request } from 'undici'
import { readCertificates } from '../files/pem.ts'
import { whyUnreadable } from '../files/unreadable.ts'

export interface FetchJsonOptions {
  /** PEM, read each time; undefined: the authorities that Node trusts. */
  readonly caFile: string | undefined
  /** Milliseconds for all of it. */
  readonly within: number
  readonly signal: AbortSignal
}

/** The set of an issuer has some kilobytes. */
const maxSize = 512 * 1024

/**
 * The body of a 200, over TLS that is verified. No redirect is followed: whoever an
 * issuer's server sends us to is not the issuer. Rejects with an Error in words for the operator.
 */
export async function fetchJson(url: string, { caFile, within, signal }: FetchJsonOptions): Promise<string> {
  if (!url.startsWith('https://')) throw new Error(`${url} is no https URL`)
  const ca = caFile === undefined ? {} : { ca: await readAuthorities(caFile) }
  // Spelled out, because NODE_TLS_REJECT_UNAUTHORIZED would change the default.
  const agent = new Agent({ connect: { ...ca, rejectUnauthorized: true, timeout: within }, maxResponseSize: maxSize, maxHeaderSize: 65_536 })
  try {
    const { statusCode, body } = await request(url, {
      dispatcher: agent, headers: { accept: 'application/json', 'user-agent': 'portcullis' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(within)]),
    })
    if (statusCode !== 200) throw new Error(`answered with ${statusCode}${statusCode >= 300 && statusCode < 400 ? ': redirects are not followed' : ''}`)
    return await body.text()
  } catch (cause) {
    throw new Error(`${url} ${why(cause)}`, { cause })
  } finally {
    await agent.destroy()
  }
}

async function readAuthorities(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => { throw new Error(`the file ${file} ${whyUnreadable(cause)}`, { cause }) })
  try {
    return readCertificates(text).join('\n')
  } catch (cause) {
    throw new Error(`${file} holds no CA certificate in PEM`, { cause })
  }
}

function why(error: unknown): string {
  const { name, message, code } = error as Error & { readonly code?: unknown }
  if (message.startsWith('answered with')) return message
  if (name === 'TimeoutError') return 'did not answer in time'
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return `answered with more than ${maxSize} bytes`
  return `could not be had: ${typeof code === 'string' ? code : message}`
}
