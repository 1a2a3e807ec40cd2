// The first screen of the README is what most readers see.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { page, pages, root } from '../support/pages.ts'

const { text: readme } = page('README.md')

t.test('the two commands stand at the top, each on a line of its own, and CI calls the second', async (t) => {
  t.match(readme, /^# Portcullis\n\n```sh\nnpm ci && npm start\nnpm ci && npm test\n```\n/)
  t.match(await readFile(join(root, '.ci/run'), 'utf8'), /^npm ci && npm test(?: 2>&1 \|.*)?$/m)
})

t.test('it is short, and leads to every page of docs', async (t) => {
  t.ok(readme.split('\n').length < 250)
  for (const { path } of pages.filter(({ path }) => path.startsWith('docs/'))) t.ok(readme.includes(`](${path}`), path)
})
