import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const dist = fileURLToPath(new URL('../../dist', import.meta.url))

interface BuildInfo {
  readonly fileNames: readonly string[]
  readonly fileInfos: readonly (string | { readonly version: string })[]
}

/**
 * The built command, for a test with several processes: each would translate all sources anew.
 * `npm test` builds it; whoever runs a file alone is told where it is not of this very source.
 */
export function builtMain(): string {
  refuseStale()
  const main = resolve(dist, 'main.js')
  // tsc leaves it alone where only other files have changed.
  if (statSync(main).mtimeMs < statSync(resolve(dist, '.tsbuildinfo')).mtimeMs) throw new Error('dist/main.js is not bundled of what tsc has made: npm run build')
  return main
}

/** A module of the built source, for what begins a thread: a thread has no loader of TypeScript before Node 22. `path` as in src, without its end. */
export async function builtModule<Module>(path: string): Promise<Module> {
  refuseStale()
  return await import(pathToFileURL(resolve(dist, `${path}.js`)).href) as Module
}

function refuseStale(): void {
  const info = resolve(dist, '.tsbuildinfo')
  if (!existsSync(info)) throw new Error('dist is not built: npm run build')
  const { fileNames, fileInfos } = JSON.parse(readFileSync(info, 'utf8')) as BuildInfo
  const stale = fileNames.filter((name, index) => {
    if (!name.startsWith('../src/')) return false
    const info = fileInfos[index]
    return (typeof info === 'string' ? info : info?.version) !== digestOf(resolve(dist, name))
  })
  if (stale.length > 0) throw new Error(`dist is not built of ${stale.join(', ')} as they are now: npm run build`)
}

function digestOf(file: string): string | undefined {
  return existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : undefined
}
