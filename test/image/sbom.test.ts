import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'

const folder = fileURLToPath(new URL('../../', import.meta.url))

t.test('npm run sbom lists what the image holds, as CycloneDX: every package that is needed to run, and none besides', async (t) => {
  const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'sbom'], { cwd: folder, maxBuffer: 64 << 20 })
  const bom = JSON.parse(stdout) as { bomFormat: string, metadata: { component: { purl: string } }, components: { purl: string }[] }
  const { version, packages } = JSON.parse(await readFile(`${folder}package-lock.json`, 'utf8')) as { version: string, packages: Record<string, { version: string, dev?: boolean, optional?: boolean }> }
  t.equal(bom.bomFormat, 'CycloneDX')
  t.equal(bom.metadata.component.purl, `pkg:npm/portcullis@${version}`)
  const needed = Object.entries(packages).filter(([path, { dev, optional }]) => path !== '' && dev !== true && optional !== true)
    .map(([path, { version }]) => `pkg:npm/${path.replace(/^.*node_modules\//, '').replace('@', '%40')}@${version}`)
  t.strictSame([...new Set(bom.components.map(({ purl }) => purl))].sort(), [...new Set(needed)].sort())
})
