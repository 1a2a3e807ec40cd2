import { PluginStderr } from '../credentials/exec-stderr.ts'
import { ProxyError } from '../errors.ts'

/** Where a command writes: process.stdout, or a test's ear. */
export interface Output {
  write(text: string, done: (error?: Error | null) => void): unknown
}

/** Waits until the text is taken, so that a slow reader holds a long answer back. */
export function write(output: Output, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    output.write(text, error => (error ? reject(error) : resolve()))
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
