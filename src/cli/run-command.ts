import { messageOf, write } from './output.ts'
import { saying, type Watched } from './saying.ts'

/** What was given makes no sense, whatever the files say. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Runs a command by its name, as in `key create`. Returns the exit code: the command's own, 1 where it fails, 2 for wrong usage. */
export async function runCommand(name: string, stderr: Watched, command: () => Promise<number>): Promise<number> {
  try {
    return await saying(command(), `portcullis ${name}: reading the callers, or waiting for another command`, stderr)
  } catch (error) {
    await write(stderr, `portcullis ${name}: ${messageOf(error)}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}
