// CONTRIBUTING.md is held against the repository.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../', import.meta.url))
const text = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')

t.test('every script of package.json is explained, and none that is not there', async (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }
  const [, rows = ''] = /^\| `npm run …` \|.*\n\|[ -|]+\n((?:\|.*\n)+)/m.exec(text) ?? []
  t.strictSame([...rows.matchAll(/^\| `([^`]+)` \| \S/gm)].map(([, name]) => name).sort(), Object.keys(scripts).sort())
})

t.test('files and folders that it names are there', async (t) => {
  const named = [...text.matchAll(/`((?:src|test|docs|config|helm|bench|scripts|image)\/[^`<*]*)`/g)].map(([, path = '']) => path)
  t.ok(named.length > 20)
  for (const path of named) t.ok(existsSync(join(root, path)), path)
})

t.test('the licence is the one that package.json names, and what is published has it', async (t) => {
  const { license, files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { license: string, files: string[] }
  t.equal(license, 'Apache-2.0')
  t.match(readFileSync(join(root, 'LICENSE'), 'utf8'), /^ *Apache License\n *Version 2\.0, January 2004\n[^]*END OF TERMS AND CONDITIONS/)
  for (const file of ['LICENSE', 'SECURITY.md', 'CONTRIBUTING.md', 'docs', 'CHANGELOG.md', 'README.md']) t.ok(files.includes(file), file)
})
