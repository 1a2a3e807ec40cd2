import { findStored, openStore, type CallersDeps } from './callers-deps.ts'
import { mintUnused, parseLife, type Minted, type Random } from './key-life.ts'
import { printKey } from './print-key.ts'
import { runCommand } from './run-command.ts'

export interface KeyCreateArgs {
  readonly configFile: string
  readonly caller: string
  /** A duration as in `90d`, or `never`; without one the key has no end. */
  readonly expires?: string | undefined
}

export interface KeyDeps extends CallersDeps {
  readonly random: Random
}

/**
 * `portcullis key create`: a key for a caller, durably in its store before it is printed.
 * Returns the exit code: 0 done, 1 a fault in what was given, 2 wrong usage.
 */
export function keyCreateCommand({ configFile, caller, expires }: KeyCreateArgs, deps: KeyDeps): Promise<number> {
  return runCommand('key create', deps.stderr, async () => {
    const life = parseLife(expires) ?? null
    const { store } = await openStore(configFile, deps)
    const made: { minted?: Minted } = {}
    const where = await store.change((current) => {
      findStored(current, caller)
      const minted = made.minted = mintUnused(current, deps.now(), life, deps.random)
      return [{ kind: 'add-key', caller, key: minted.record }]
    })
    if (made.minted !== undefined) await printKey(made.minted, caller, where, deps)
    return 0
  })
}
