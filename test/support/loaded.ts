import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { builtMain } from './built.ts'

export interface Loaded {
  /** By its name, the paths of its files that were loaded. */
  readonly packages: ReadonlyMap<string, readonly string[]>
  /** Paths of our own below dist. */
  readonly own: readonly string[]
}

/** What the process of a command has loaded, from its start until it ends with `code`; `until`: what it prints when it is to be told to end. */
export async function loadedBy(args: readonly string[], { until, code: expected = 0 }: { readonly until?: string, readonly code?: number } = {}): Promise<Loaded> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-loaded-'))
  try {
    // V8's coverage has every script that there is, of whatever loader, on any version of Node. By NODE_OPTIONS tap would add its own.
    const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, builtMain(), ...args], {
      env: { ...process.env, NODE_V8_COVERAGE: folder }, stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (until !== undefined && said.includes(until)) child.kill('SIGTERM')
    })
    const [code] = await once(child, 'close') as [number | null]
    if (code !== expected) throw new Error(`it ended with ${code}: ${said}`)
    return await readLoaded(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function readLoaded(folder: string): Promise<Loaded> {
  const files = (await readdir(folder)).filter(name => name.startsWith('coverage-'))
  const reports = await Promise.all(files.map(async name => JSON.parse(await readFile(join(folder, name), 'utf8')) as { result: { url: string }[] }))
  const paths = reports.flatMap(({ result }) => result).map(({ url }) => url).filter(url => url.startsWith('file:')).map(url => fileURLToPath(url))
  const packages = new Map<string, string[]>()
  for (const path of paths) {
    const [, name, file] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(.+)/.exec(path) ?? []
    if (name !== undefined && file !== undefined) packages.set(name, [...packages.get(name) ?? [], file])
  }
  return {
    packages,
    own: paths.filter(path => !path.includes('/node_modules/') && path.includes('/dist/')).map(path => path.slice(path.lastIndexOf('/dist/') + '/dist/'.length)),
  }
}
