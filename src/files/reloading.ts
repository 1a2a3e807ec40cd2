import { FaultsError, wholeFile } from './fault.ts'
import type { Fault } from './fault.ts'
import { watchFiles } from './watch.ts'
import type { Watch } from './watch.ts'

/** How a reload went. After a bad one, what was in force before still is. */
export type Reloaded =
  | { readonly ok: true, readonly warnings: readonly Fault[] }
  | { readonly ok: false, readonly faults: readonly Fault[] }

export interface ReloadingOptions {
  readonly paths: readonly string[]
  /** Reads and puts in force, or rejects (with FaultsError where there are faults) and changes nothing. */
  readonly reload: () => Promise<readonly Fault[]>
  readonly report: (outcome: Reloaded) => void
  readonly watch?: typeof watchFiles
}

export interface Reloading extends Watch {
  /** As if a file had changed now. */
  again(): void
}

/** Reloads after every change of the files, one at a time, and reports each. */
export async function keepReloading({ paths, reload, report, watch = watchFiles }: ReloadingOptions): Promise<Reloading> {
  let last = Promise.resolve()
  let closed = false
  const again = () => {
    last = last.then(async () => {
      if (closed) return
      const outcome = await attempt(reload, paths[0] ?? '')
      if (!closed) report(outcome)
    })
  }
  const watcher = await watch(paths, again)
  return {
    again,
    close() {
      closed = true
      watcher.close()
    },
  }
}

async function attempt(reload: () => Promise<readonly Fault[]>, file: string): Promise<Reloaded> {
  try {
    return { ok: true, warnings: await reload() }
  } catch (error) {
    if (error instanceof FaultsError) return { ok: false, faults: error.faults }
    // What it asks for cannot be done, as a CA file that is not there.
    return { ok: false, faults: [wholeFile(file, error instanceof Error ? error.message : String(error))] }
  }
}
