import { PluginStderr } from '../credentials/exec-stderr.ts'
import { ProxyError } from '../errors.ts'

/** Where a command writes: process.stdout, or a test's ear. */
export interface Output {
  write(text: string | Uint8Array, done: (error?: Error | null) => void): unknown
  once?(event: 'error', listener: () => void): unknown
  off?(event: 'error', listener: () => void): unknown
}

/** Waits until the text is taken, so that a slow reader holds a long answer back. Rejects where the reader is gone. */
export function write(output: Output, text: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    // A stream tells of an error twice, the second time to whoever listens: a crash where nobody does.
    const heard = () => {}
    output.once?.('error', heard)
    output.write(text, (error) => {
      if (error) return reject(error)
      output.off?.('error', heard)
      resolve()
    })
  })
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** For an operator, who may know the cause of what a caller would be told. */
export function operatorMessageOf(error: unknown): string {
  // Of a rejected credential the message says all that its cause does.
  if (!(error instanceof Error && error.cause instanceof Error)) return messageOf(error)
  const telling = error instanceof ProxyError ? error.code !== 'CredentialRejected' : error.cause instanceof PluginStderr
  return telling ? `${error.message} (${error.cause.message.trim()})` : error.message
}
