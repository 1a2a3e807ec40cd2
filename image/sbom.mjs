// Prints what the image holds, as a CycloneDX bill of materials.
//
// npm sbom --omit=dev leaves out whatever development needs as well (ws and yaml among it; npm 11.19): it is asked in a
// folder whose package.json and lock file know of no development.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const described = read('package.json')
const lock = read('package-lock.json')
delete described.devDependencies
delete lock.packages[''].devDependencies
lock.packages = Object.fromEntries(Object.entries(lock.packages).filter(([, { dev }]) => dev !== true))

const place = mkdtempSync(join(tmpdir(), 'portcullis-sbom-'))
try {
  // npm names the component by its folder.
  const folder = join(place, described.name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), JSON.stringify(described))
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock))
  copyFileSync(join(root, '.npmrc'), join(folder, '.npmrc'))
  const args = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application']
  execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] })
} finally {
  rmSync(place, { recursive: true })
}

function read(name) {
  return JSON.parse(readFileSync(join(root, name), 'utf8'))
}
