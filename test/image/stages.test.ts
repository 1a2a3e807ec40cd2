// No image can be built everywhere; what its stages do can: the Dockerfile's own instructions, run in empty folders.
import { once } from 'node:events'
import type { ChildProcess } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { makeAuthority } from '../support/certificates.ts'
import { parseDockerfile } from '../support/dockerfile.ts'
import { freePort } from '../support/envtest.ts'
import { buildImage } from '../support/image-build.ts'

t.setTimeout(300_000)

const context = fileURLToPath(new URL('../../', import.meta.url))
const place = await mkdtemp(join(tmpdir(), 'portcullis-image-'))
await chmod(place, 0o755)
t.teardown(async () => {
  await writable(place)
  await rm(place, { recursive: true })
})

const image = await buildImage(parseDockerfile(await readFile(join(context, 'Dockerfile'), 'utf8')), { context, place })
const { packages } = JSON.parse(await readFile(join(context, 'package-lock.json'), 'utf8')) as { packages: Record<string, { dev?: boolean, optional?: boolean }> }
const product = join(image.root, 'opt/portcullis')

t.test('it holds the built command and production dependencies, and nothing that only builds or tests', async (t) => {
  t.strictSame((await readdir(product)).sort(), ['dist', 'node_modules', 'package.json'])
  t.strictSame((await readdir(join(product, 'dist'))).filter(name => name.startsWith('.')), [])
  const wrong: string[] = []
  for (const [path, { dev, optional }] of Object.entries(packages).filter(([path]) => path !== '')) {
    const present = await stat(join(product, path)).then(() => true, () => false)
    if (present === (dev === true) && optional !== true) wrong.push(`${path} ${present ? 'is there' : 'is missing'}`)
  }
  t.strictSame(wrong, [])
})

t.test('any user may read it, and none but its owner could ever write it', async (t) => {
  const files = (await readdir(product, { recursive: true, withFileTypes: true })).filter(entry => !entry.isSymbolicLink())
  t.ok(files.length > 1000)
  const wrong: string[] = []
  for (const entry of files) {
    const path = join(entry.parentPath, entry.name)
    const { mode } = await stat(path)
    if ((mode & 0o222) !== 0 || (mode & 0o044) !== 0o044 || (entry.isDirectory() && (mode & 0o011) !== 0o011)) wrong.push(`${path} ${mode.toString(8)}`)
  }
  t.strictSame(wrong, [])
})

/** Config, callers, certificate and token, as volumes bring them: for the group alone. */
async function mountConfig(adminPort: number): Promise<void> {
  const { cert, key } = makeAuthority().issue()
  const files = {
    'portcullis.yaml': JSON.stringify({
      listen: { host: '127.0.0.1', port: 0, tls: { certFile: 'tls.crt', keyFile: 'tls.key' } }, admin: { port: adminPort },
      clusters: [{ name: 'prod', server: 'https://127.0.0.1:1', credential: { tokenFile: 'token' } }],
    }),
    'callers.yaml': 'callers: []\n', 'tls.crt': cert, 'tls.key': key, 'token': 'opaque-token',
  }
  const folder = join(image.root, 'etc/portcullis')
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o440 })
  for (const path of [folder, join(image.root, 'etc'), image.root]) await chmod(path, 0o555)
}

/** rm does not empty folders that may not be written, unless root asks. */
async function writable(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  const entries = await readdir(folder, { withFileTypes: true })
  await Promise.all(entries.filter(entry => entry.isDirectory()).map(entry => writable(join(folder, entry.name))))
}

async function listening(child: ChildProcess): Promise<void> {
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (chunk: Buffer) => { if ((said += chunk.toString()).includes('"msg":"listening"')) resolve() })
    child.once('close', code => reject(new Error(`it ended with ${code}: ${said}`)))
  })
}

async function ends(child: ChildProcess): Promise<number | null> {
  child.stderr?.resume()
  return (await once(child, 'close') as [number | null])[0]
}

const root = process.getuid?.() === 0
// As OpenShift gives them: nobody's number, and group 0.
const arbitrary = { uid: 1_000_660_000, gid: 0 }

t.test('it serves under an arbitrary user from a tree that it cannot write, is healthy by its own word, and ends by its signal', { skip: root ? false : 'only root can become another user' }, async (t) => {
  await mountConfig(await freePort())
  const served = image.start(image.command, arbitrary)
  t.teardown(() => served.kill('SIGKILL'))
  await listening(served)
  t.match(await readFile(`/proc/${served.pid}/status`, 'utf8'), /^Uid:\t1000660000\t1000660000\t/m)
  t.equal(await ends(image.start(image.healthcheck, arbitrary)), 0)
  served.kill(image.stopSignal)
  t.equal(await ends(served), 0)
  t.equal(await ends(image.start(image.healthcheck, arbitrary)), 1, 'nobody is there')
})
