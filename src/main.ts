#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { Command, CommanderError } from 'commander'
import { addCommands } from './cli/commands.ts'
import { exitOnCrash } from './cli/crash.ts'
import { messageOf } from './cli/output.ts'
import { serializeError } from './log/errors.ts'
import { redactSecrets } from './redaction/redact.ts'

/*
 * V8 learns at which places in the code objects are made that mostly live on, and then makes them among the old ones. For a
 * proxy it learns wrong, of a burst at the start or of many watches: from then on each request leaves something old behind, which
 * keeps all else of it from being swept with the young (scavenges of 25 ms in place of 2, up to half of the processor time more), for as
 * long as that lasts.
 */
setFlagsFromString('--no-allocation-site-pretenuring')

const program = new Command('portcullis')
  .description('An authenticating proxy for Kubernetes and OpenShift APIs: it holds the service-account token so that nobody else has to.')
  .version(version(), '-V, --version')
  .showHelpAfterError('(portcullis --help lists the commands)')
  .exitOverride()

exitOnCrash(error => process.stderr.write(`portcullis: crashed: ${redactSecrets(JSON.stringify(serializeError(error)))}\n`))
addCommands(program, code => { process.exitCode = code })

// Waits of ours hold no process: a command ends when it is done, not when nothing happens to be open.
const awake = setInterval(() => {}, 2 ** 30)
try {
  await program.parseAsync()
} catch (error) {
  // Commander has said what is wrong; asking for help or the version is no error.
  process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : 1
  if (!(error instanceof CommanderError)) process.stderr.write(`portcullis: ${messageOf(error)}\n`)
} finally {
  clearInterval(awake)
}

function version(): string {
  const file = new URL('../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
