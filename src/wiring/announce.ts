import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'

/** Says where all of it listens: the sign that it serves. */
export function announce({ port, admin }: { readonly port: number, readonly admin: { readonly url: string } }, { listen }: Config, log: Logger): void {
  const scheme = listen.tls === undefined ? 'http' : 'https'
  log.info({ url: `${scheme}://${listen.host}:${port}`, admin: admin.url }, 'listening')
}
