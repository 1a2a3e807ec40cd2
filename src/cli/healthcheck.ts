import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { asFields } from '../json-fields.ts'
import { adminUrl } from './admin-url.ts'
import { write, type Output } from './output.ts'

export interface HealthcheckArgs {
  /** Undefined: there is none, and the admin listener is where it is by default. */
  readonly configFile: string | undefined
  /** URL of an admin listener, in the place of the config's. */
  readonly admin?: string | undefined
  /** Whether it can serve, not only whether it is alive. */
  readonly ready?: boolean
}

export interface HealthcheckDeps {
  readonly stderr: Output
  /** Milliseconds for the answer; default: more than the 2 s that the checks of `/readyz` may take. */
  readonly within?: number
}

/**
 * `portcullis healthcheck`: what a container's HEALTHCHECK or a probe runs where it has no shell
 * and no curl. Asks the admin listener's `/livez`, or `/readyz`. Returns the exit code: 0 when that
 * says so, 1 when it does not, or nobody answers; 2 for wrong usage.
 */
export async function healthcheckCommand({ configFile, admin, ready = false }: HealthcheckArgs, { stderr, within = 3000 }: HealthcheckDeps): Promise<number> {
  if (admin !== undefined && !isUrl(admin)) {
    await write(stderr, 'portcullis healthcheck: --admin takes the URL of an admin listener: http://host:port\n')
    return 2
  }
  const url = `${(admin ?? adminUrl(await adminOf(configFile))).replace(/\/+$/, '')}/${ready ? 'readyz' : 'livez'}`
  const trouble = await ask(url, within)
  if (trouble === undefined) return 0
  await write(stderr, `portcullis healthcheck: ${trouble}\n`)
  return 1
}

function isUrl(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'http:'
}

/** Why it is not well; undefined: it is. */
async function ask(url: string, within: number): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(within), redirect: 'error' })
    const text = (await response.text()).trim()
    return response.ok ? undefined : `${url} answers ${response.status}: ${text.slice(0, 2000)}`
  } catch {
    return `nobody answers at ${url} within ${within / 1000} s: is that the admin listener of the config in force (--config, --admin)?`
  }
}

const defaults = { host: '127.0.0.1', port: 9443 }

/**
 * Of the file no more is read than this: with faults anywhere else the proxy goes on with what it
 * has, and must not be taken for dead over them.
 */
async function adminOf(configFile: string | undefined): Promise<typeof defaults> {
  const text = configFile === undefined ? '' : await readFile(configFile, 'utf8').catch(() => '')
  const { host, port } = asFields(asFields(parsed(text))['admin'])
  return {
    host: typeof host === 'string' && host !== '' ? host : defaults.host,
    port: typeof port === 'number' && Number.isInteger(port) ? port : defaults.port,
  }
}

function parsed(text: string): unknown {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}
