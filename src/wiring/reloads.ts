import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { createInTurn } from './in-turn.ts'
import { CertificateWatch } from './tls.ts'

export interface ReloadsOptions {
  /** The config of the start: only a new start listens with other certificate files. */
  readonly config: Pick<Config, 'listen'>
  /** The config in force. */
  readonly live: { readonly config: Config }
  /** Files that the config names, of which a change is put in force as one of the config is. */
  readonly files: () => readonly string[]
  /** Rejects, and changes nothing, where it cannot be or `signal` says that the process is about to end. */
  readonly put: (next: Config, signal: AbortSignal) => Promise<void>
  readonly log: Pick<Logger, 'error'>
  /** Told how each reload of these files went. */
  readonly configReloaded: (ok: boolean) => void
}

/** Puts configs in force, one after the other, and the one in force anew when its files change. Begin with `follow`. */
export class Reloads {
  readonly #options: ReloadsOptions
  readonly #certificates: CertificateWatch
  readonly #closing = new AbortController()
  /** Asked for what is wanted when its turn comes. */
  readonly apply: (wanted: () => Config) => Promise<void>

  constructor(options: ReloadsOptions) {
    const { live, put, log, configReloaded } = options
    const { signal } = this.#closing
    this.#options = options
    this.#certificates = new CertificateWatch(() => {
      this.apply(() => live.config).then(() => configReloaded(true), (err: unknown) => {
        if (signal.aborted) return
        configReloaded(false)
        log.error({ err }, 'a file that the config names could not be reloaded: what was in force before still is')
      })
    })
    this.apply = createInTurn(async (next) => {
      signal.throwIfAborted()
      await put(next, signal)
      await this.follow()
    })
  }

  follow(): Promise<void> {
    const { config, files } = this.#options
    return this.#certificates.follow(config.listen, files())
  }

  /** What is being prepared is given up, and what is ready discarded; resolves when nothing is left of it. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('Portcullis is shutting down'))
    this.#certificates.close()
    // Its turn comes when what is under way is over.
    await this.apply(() => this.#options.live.config).catch(() => {})
  }
}
