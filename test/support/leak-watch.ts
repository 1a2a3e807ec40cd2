// The scanner at work: what every proxy of the test suite writes is looked through for the secrets that it holds.
import { LeakScanner, type Leak } from './leak-scanner.ts'
import { tapPort } from './leak-taps.ts'
import type { Scope } from './scope.ts'

export interface FoundLeak extends Leak {
  /** As in `the data listener, in an HTTP/2 body`, or the name of a sink. */
  readonly where: string
}

/** One proxy under watch. */
export interface LeakWatch {
  /** Watches what is written to whoever calls this port. */
  port(port: number, name: string): Promise<void>
  /** Looks through what a sink holds by now. Called again, what came since. */
  sink(name: string, text: string): void
  /** One more secret. */
  learn(secret: string): void
  /**
   * For a test that plants a leak: what is found there is not held against it; that
   * nothing is, would be. Returns what has been found there so far.
   */
  expect(where: RegExp): () => readonly FoundLeak[]
}

const watches = new Set<Watch>()

/** An `Authorization` that reached an upstream under test is ours: the scanners know it from then on. */
export function learnAuthorization(value: string): void {
  const [, scheme = '', credential = ''] = /^(\S+)\s+(.+)$/.exec(value) ?? []
  const password = scheme.toLowerCase() === 'basic' ? Buffer.from(credential, 'base64').toString().replace(/^[^:]*:/, '') : ''
  for (const watch of watches) for (const secret of [credential, password]) watch.learn(secret)
}

/** Tests send `Bearer x`, too, and such a thing is found everywhere. */
const shortestLearned = 12

/**
 * Begins a watch and judges it when the test ends: where a secret came out, the file fails.
 * To be called before the teardowns of what is watched are set, for they run in reverse.
 */
export function watchLeaks(t: Scope, secrets: readonly string[]): LeakWatch {
  const watch = new Watch(secrets)
  watches.add(watch)
  t.teardown(() => {
    watches.delete(watch)
    const error = watch.judge()
    if (error !== undefined) (t.leaked ?? failAtExit)(error)
  })
  return watch
}

/** The test is over, and what a teardown throws keeps the others from running. */
function failAtExit(error: Error): void {
  process.once('exit', () => {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  })
}

class Watch implements LeakWatch {
  readonly #scanner: LeakScanner
  readonly #found: FoundLeak[] = []
  readonly #expected: RegExp[] = []
  readonly #sinks = new Map<string, { readonly stream: object, length: number }>()
  readonly #untap: (() => void)[] = []

  constructor(secrets: readonly string[]) {
    this.#scanner = new LeakScanner(secrets)
  }

  async port(port: number, name: string): Promise<void> {
    this.#untap.push(await tapPort(port, (stream, bytes, what) => this.#take(`${name}, in ${what}`, this.#scanner.scan(stream, bytes))))
  }

  sink(name: string, text: string): void {
    const known = this.#sinks.get(name) ?? { stream: {}, length: 0 }
    this.#take(name, this.#scanner.scan(known.stream, text.slice(known.length)))
    this.#sinks.set(name, { stream: known.stream, length: text.length })
  }

  learn(secret: string): void {
    if (secret.length >= shortestLearned) this.#scanner.learn(secret)
  }

  expect(where: RegExp): () => readonly FoundLeak[] {
    this.#expected.push(where)
    return () => this.#found.filter((leak) => where.test(leak.where))
  }

  judge(): Error | undefined {
    for (const untap of this.#untap) untap()
    this.#take('a compressed body', this.#scanner.finish())
    const leaks = this.#found.filter(({ where }) => !this.#expected.some((expected) => expected.test(where)))
    const missed = this.#expected.filter((expected) => !this.#found.some(({ where }) => expected.test(where)))
    if (leaks.length > 0) return new Error(`a secret came out: ${[...new Set(leaks.map(describe))].join('; ')}`)
    return missed.length > 0 ? new Error(`a leak was expected and none was found: ${missed.join(', ')}`) : undefined
  }

  #take(where: string, leaks: readonly Leak[]): void {
    for (const leak of leaks) this.#found.push({ ...leak, where })
  }
}

function describe({ where, form, secret }: FoundLeak): string {
  return `${secret}, ${form}, on ${where}`
}
