// What npm publishes runs where nothing of this repository is.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { Agent, request } from 'undici'
import { builtMain } from '../support/built.ts'
import { page, pages } from '../support/pages.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const run = promisify(execFile)

t.test('npm pack installs elsewhere, with the documents, and npx portcullis demo answers there', { timeout: 170_000 }, async (t) => {
  // As npm test has built it: prepack would take dist away from the tests beside this one.
  builtMain()
  const folder = t.testdir({ 'package.json': '{ "name": "elsewhere", "private": true }' })
  await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], { cwd: root })
  const [archive = ''] = (await readdir(folder)).filter(name => /^portcullis-.*\.tgz$/.test(name))
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', `./${archive}`], { cwd: folder, maxBuffer: 16 << 20 })

  const installed = join(folder, 'node_modules/portcullis')
  const documents = [...pages.map(({ path }) => path), 'LICENSE', 'CHANGELOG.md', 'config/portcullis.yaml', 'config/portcullis.schema.json', 'helm/portcullis/Chart.yaml']
  for (const path of documents) await t.resolves(access(join(installed, path)), path)
  await t.rejects(access(join(installed, 'test')))
  await t.rejects(access(join(installed, 'src')))

  const home = join(folder, 'home')
  await mkdir(home)
  const demo = spawn('npx', ['--offline', 'portcullis', 'demo', '--port', '0'], { cwd: folder, env: { ...process.env, HOME: home, TMPDIR: home }, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  t.teardown(() => {
    try { process.kill(-demo.pid!, 'SIGKILL') } catch { /* it has ended by itself */ }
  })
  let said = ''
  for (const stream of [demo.stdout, demo.stderr]) stream.on('data', (chunk: Buffer) => { said += chunk.toString() })
  while (!said.includes('Health and metrics:')) await Promise.race([once(demo.stdout, 'data'), once(demo, 'exit').then(() => { throw new Error(`it ended: ${said}`) })])

  // The very line that it prints, less curl.
  const [, caFile = '', key = '', url = ''] = /^curl --cacert (\S+) -H 'Authorization: Bearer (\S+)' (\S+)$/m.exec(said) ?? []
  const dispatcher = new Agent({ connect: { ca: await readFile(caFile) } })
  t.teardown(() => dispatcher.destroy())
  const { statusCode, body } = await request(url, { dispatcher, headers: { authorization: `Bearer ${key}` } })
  t.equal(statusCode, 200)
  t.match(await body.json(), { kind: 'PodList' })
  const ended = once(demo, 'exit')
  process.kill(-demo.pid!, 'SIGINT')
  await ended
  t.strictSame(await readdir(home).then(names => names.filter(name => name.startsWith('portcullis-demo-'))), [], 'it leaves nothing behind')
})

t.test('the README says what the demo prints', async (t) => {
  for (const word of ['Try it:', 'What the key may do:', 'Audit log:', 'Health and metrics:']) t.ok(page('README.md').text.includes(word), word)
})
