import { Readable } from 'node:stream'
import { Command, CommanderError } from 'commander'
import { addCommands } from '../../src/cli/commands.ts'
import { ear } from './command.ts'

export interface CommandRan {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command line of the product in this process, as main.ts does. */
export async function runCommand(args: readonly string[], { stdin = '', env = {} }: { readonly stdin?: string | AsyncIterable<string>, readonly env?: NodeJS.ProcessEnv } = {}): Promise<CommandRan> {
  const [stdout, stderr] = [ear(), ear()]
  let code = 0
  const program = new Command('portcullis').exitOverride().configureOutput({ writeErr: (text) => { stderr.text += text }, writeOut: (text) => { stdout.text += text } })
  addCommands(program, (exitCode) => { code = exitCode }, { stdin: Readable.from(typeof stdin === 'string' ? [stdin] : stdin), stdout, stderr, env, exit: () => {} })
  for (const command of program.commands) command.exitOverride().copyInheritedSettings(program)
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    code = error.exitCode === 0 ? 0 : 2
  }
  return { code, stdout: stdout.text, stderr: stderr.text }
}
