import { Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'

export interface NameServerOptions {
  /** `address:port`; default: those of this machine. */
  readonly servers?: readonly string[] | undefined
  /** Milliseconds. */
  readonly within: number
}

/**
 * Rejects where no name server answers. A connection resolves its host by getaddrinfo, which
 * nothing can call off: it would hold a process that wants to end for half a minute. What the
 * answer is does not matter: other names may be known by the hosts file, or by a search domain.
 */
export async function requireNameServers(host: string, { servers, within }: NameServerOptions): Promise<void> {
  if (isIP(host.replace(/^\[|\]$/g, '')) !== 0 || /^(.+\.)?localhost$/.test(host)) return
  const resolver = new Resolver({ timeout: within, tries: 1 })
  if (servers !== undefined) resolver.setServers(servers)
  const late = setTimeout(() => resolver.cancel(), within)
  try {
    await resolver.resolve4(host)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ETIMEOUT' || code === 'ECANCELLED') throw new Error(`no name server told within ${within / 1000} s where ${host} is`, { cause: error })
  } finally {
    clearTimeout(late)
  }
}
