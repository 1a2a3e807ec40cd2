import { hideInArguments } from './arguments.ts'
import { hideEncoded } from './encoded.ts'
import { redactKnown } from './redact.ts'
import { shellQuoted } from './shell-words.ts'

/** Characters of a command that are told: more than a person types, less than a target may have. */
const maxCommand = 4096

/** The arguments of a command without what is secret in them, by its form or because it is `known`: the same for a target and for what is told of the command. */
export function hideInCommand(words: readonly string[], known: readonly string[]): string[] {
  return hideInArguments(words.map(word => redactKnown(word, known))).map(word => hideEncoded(word, plain => plain, known))
}

/** As a person would type it, bounded; what is secret in it is gone before it is cut, for half a secret is not found any more. */
export function commandLine(words: readonly string[], known: readonly string[]): string {
  const command = hideInCommand(words, known).map(shellQuoted).join(' ')
  return command.length > maxCommand ? `${command.slice(0, maxCommand)}...TRUNCATED` : command
}
