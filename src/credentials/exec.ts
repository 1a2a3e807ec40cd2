import type { CredentialFacts, Presented } from './credential.ts'
import { readAnswer } from './exec-answer.ts'
import { execInfo, type ExecApiVersion, type ExecCluster } from './exec-info.ts'
import { ExecFailure, runPlugin, type ExecOutput } from './exec-run.ts'
import { cleanStderr, PluginStderr } from './exec-stderr.ts'
import type { Material } from './followed.ts'
import { Renewing, type RenewingOptions } from './renewing.ts'

export interface ExecOptions extends Pick<RenewingOptions, 'now' | 'random' | 'schedule'> {
  readonly apiVersion: ExecApiVersion
  /** A path, or a name to be found on PATH. */
  readonly command: string
  readonly args: readonly string[]
  /** What it has in its environment beside ours. */
  readonly env: readonly { readonly name: string, readonly value: string }[]
  /** What it is told of the cluster; undefined: nothing. */
  readonly cluster: ExecCluster | undefined
  /** Milliseconds. */
  readonly timeout: number
  /** Ours, which it inherits as under kubectl. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Variables of ours that hold secrets, and which it does not inherit. */
  readonly withhold: readonly string[]
  readonly log: RenewingOptions['log'] & { debug(facts: object, message: string): void }
  readonly kind?: CredentialFacts['kind']
}

/**
 * A token, a certificate or both from a plugin that speaks client.authentication.k8s.io, as client-go
 * runs it (KEP-541). Runs it again at 80 % of the life that it gave, after a 401, and not otherwise.
 */
export function createExec(options: ExecOptions): Renewing {
  const { command, log, now = Date.now, random, schedule, kind = 'exec' } = options
  const plugin = new Plugin(options, now)
  return new Renewing({
    kind, source: `the command ${command}`, renewal: 'by running it again, at 80 % of its life and after a 401',
    issue: signal => plugin.ask(signal), log, now,
    ...random === undefined ? {} : { random }, ...schedule === undefined ? {} : { schedule },
  })
}

class Plugin {
  readonly #options: ExecOptions
  readonly #now: () => number
  #last: Presented | undefined

  constructor(options: ExecOptions, now: () => number) {
    this.#options = options
    this.#now = now
  }

  async ask(signal: AbortSignal): Promise<Material> {
    const { command, args, timeout, apiVersion, log } = this.#options
    const output = await runPlugin({ command, args, timeout, env: environmentOf(this.#options) }, signal)
      .catch((error: unknown) => { throw this.#failure(error as Error, error instanceof ExecFailure ? error.stderr : '') })
    const material = this.#read(output, apiVersion)
    this.#last = material.presented
    if (output.stderr !== '') log.debug({ stderr: cleanStderr(output.stderr, secretsOf(this.#last)) }, 'the credential plugin wrote to stderr')
    return material
  }

  #read({ stdout, stderr }: ExecOutput, apiVersion: ExecApiVersion): Material {
    try {
      return this.#keepCertificate(readAnswer(stdout, { apiVersion, now: this.#now() }))
    } catch (error) {
      throw this.#failure(error as Error, stderr)
    }
  }

  /** The same certificate is the same object, though the token beside it is another one. */
  #keepCertificate({ presented, claims }: Material): Material {
    const [before, after] = [this.#last?.certificate, presented.certificate]
    const same = before !== undefined && before.cert === after?.cert && before.key === after.key
    return { presented: { ...presented, certificate: same ? before : after }, claims }
  }

  /** What it wrote to stderr often says why, and is for the log and an operator alone. */
  #failure({ message }: Error, stderr: string): Error {
    const cause = stderr === '' ? {} : { cause: new PluginStderr(`on its stderr: ${cleanStderr(stderr, secretsOf(this.#last))}`) }
    return new Error(`exec: the command ${this.#options.command} ${message}`, cause)
  }
}

function environmentOf({ environment, withhold, env, apiVersion, cluster }: ExecOptions): Record<string, string> {
  const inherited = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined && !withhold.includes(entry[0]))
  return {
    ...Object.fromEntries(inherited),
    ...Object.fromEntries(env.map(({ name, value }) => [name, value])),
    KUBERNETES_EXEC_INFO: execInfo(apiVersion, cluster),
  }
}

function secretsOf(presented: Presented | undefined): string[] {
  return [presented?.authorization?.replace(/^Bearer /, ''), presented?.certificate?.key].filter(secret => secret !== undefined)
}
