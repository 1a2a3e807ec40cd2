import { Readable } from 'node:stream'
import { Command } from 'commander'
import { addCommands } from '../../src/cli/commands.ts'
import { ear } from './command.ts'

export interface Typed {
  readonly code: number | undefined
  /** With which code it ended the process; undefined: that ends by itself. */
  readonly exited: number | undefined
  readonly stdout: string
  readonly stderr: string
}

/** A command as it is typed, with its options, in this process: on Node 20 another one reads all sources anew, for many seconds. */
export async function typed(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Typed> {
  const [stdout, stderr] = [ear(), ear()]
  let [code, exited]: (number | undefined)[] = []
  const program = new Command('portcullis').exitOverride()
  addCommands(program, (given) => { code = given }, { stdin: Readable.from([]), stdout, stderr, env, exit: (given) => { exited = given } })
  await program.parseAsync(args, { from: 'user' })
  return { code, exited, stdout: stdout.text, stderr: stderr.text }
}
