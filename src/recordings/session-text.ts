import { StringDecoder } from 'node:string_decoder'
import type { SessionStream, TakeBytes } from '../protocols/channels.ts'
import type { CastCode } from './cast.ts'
import { HeldBack } from './held-back.ts'

/** How the command ended, as the API server says at the end (a `Status`; text in the oldest protocol). */
export interface CommandEnd {
  readonly exitCode: number | undefined
  /** Where it is no exit code. */
  readonly message: string
}

export interface SessionTextOptions {
  /** Every secret that is held, in every form. */
  readonly known: () => readonly string[]
  readonly put: (code: CastCode, text: string) => void
}

/** Longest of what is collected before it is read: the Status, and sizes in one piece. */
const longestMessage = 64 * 1024
/** Of one size in several pieces, which is looked at again with each of them. */
const longestSize = 256

/** Makes text of a session's streams: characters are whole, and secrets gone, however the bytes are cut. */
export class SessionText {
  readonly #put: SessionTextOptions['put']
  readonly #decoders: Readonly<Record<SessionStream, StringDecoder>>
  readonly #typed: HeldBack
  /** Both outputs are one screen, so that a secret is not told by half on one and half on the other. */
  readonly #shown: HeldBack
  #size = ''
  #status = ''
  #end: CommandEnd | undefined

  constructor({ known, put }: SessionTextOptions) {
    this.#put = put
    const decoder = () => new StringDecoder('utf8')
    this.#decoders = { stdin: decoder(), stdout: decoder(), stderr: decoder(), error: decoder(), resize: decoder() }
    this.#typed = new HeldBack(known)
    this.#shown = new HeldBack(known)
  }

  readonly take: TakeBytes = (stream, piece, ends) => {
    const text = this.#decoders[stream].write(piece)
    switch (stream) {
      case 'stdin': return this.#tell('i', this.#typed.push(text))
      case 'stdout': case 'stderr': return this.#tell('o', this.#shown.push(text))
      case 'resize': return this.#resize(text, ends)
      case 'error': return this.#collectStatus(text, ends)
    }
  }

  /** What was kept back; undefined where the command did not say how it ended. */
  end(): CommandEnd | undefined {
    const { stdin, stdout, stderr } = this.#decoders
    this.#tell('i', this.#typed.push(stdin.end()) + this.#typed.end())
    this.#tell('o', this.#shown.push(stdout.end() + stderr.end()) + this.#shown.end())
    if (this.#status !== '') this.#end ??= commandEnd(this.#status)
    return this.#end
  }

  #tell(code: CastCode, text: string): void {
    if (text !== '') this.#put(code, text)
  }

  /** `{"Width":80,"Height":24}`, one a line or one a message. */
  #resize(text: string, ends: boolean): void {
    const lines = (this.#size + text).slice(-longestMessage).split('\n')
    this.#size = ends ? '' : (lines.pop() ?? '').slice(0, longestSize)
    for (const line of lines) {
      const { Width: width, Height: height } = objectOf(line) as { Width?: unknown, Height?: unknown }
      if (isSize(width) && isSize(height)) this.#put('r', `${width}x${height}`)
    }
  }

  #collectStatus(text: string, ends: boolean): void {
    this.#status = (this.#status + text).slice(0, longestMessage)
    // The API server opens a channel with an empty message.
    if (!ends || this.#status === '') return
    this.#end ??= commandEnd(this.#status)
    this.#status = ''
  }
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536
}

function objectOf(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

/** k8s.io/apimachinery pkg/util/remotecommand: the exit code is a cause of the Status. */
function commandEnd(text: string): CommandEnd {
  const { status, message, reason, details } = objectOf(text) as {
    status?: unknown, message?: unknown, reason?: unknown, details?: { causes?: readonly { reason?: unknown, message?: unknown }[] }
  }
  if (status === 'Success') return { exitCode: 0, message: '' }
  const causes = Array.isArray(details?.causes) ? details.causes as readonly { reason?: unknown, message?: unknown }[] : []
  const code = causes.find(cause => cause?.reason === 'ExitCode')?.message
  if (reason === 'NonZeroExitCode' && typeof code === 'string' && /^\d{1,10}$/.test(code)) return { exitCode: Number(code), message: '' }
  return { exitCode: undefined, message: typeof message === 'string' ? message : text.trim() }
}
