import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readReference } from '../../src/credentials/reference.ts'

const strict = { env: {}, allowLoose: false }

function file(t: { testdir: (files: Record<string, string>) => string }, content: string, mode = 0o600): string {
  const path = join(t.testdir({ password: content }), 'password')
  chmodSync(path, mode)
  return path
}

for (const [what, content, value] of [
  ['as it is', 'S3cret', 'S3cret'],
  ['less the line break that an editor leaves', 'S3cret\n', 'S3cret'],
  ['less that of another system', 'S3cret\r\n', 'S3cret'],
  ['with the blanks and the other line breaks that belong to it', ' S3 cret\n\n', ' S3 cret\n'],
] as const) {
  t.test(`what a file holds is taken ${what}`, async (t) => {
    const path = file(t, content)
    t.equal(await readReference({ kind: 'file', path }, strict), value)
    t.equal(await readReference({ kind: 'env', variable: 'PASSWORD' }, { env: { PASSWORD: content }, allowLoose: false }), value)
  })
}

t.test('a file is read anew each time', async (t) => {
  const path = file(t, 'old')
  t.equal(await readReference({ kind: 'file', path }, strict), 'old')
  writeFileSync(path, 'new')
  t.equal(await readReference({ kind: 'file', path }, strict), 'new')
})

t.test('nothing there is told by its place', async (t) => {
  const path = file(t, '\n')
  const gone = join(path, '..', 'gone')
  await t.rejects(readReference({ kind: 'file', path }, strict), { message: `the file ${path} is empty` })
  await t.rejects(readReference({ kind: 'file', path: gone }, strict), { message: `the file ${gone} does not exist` })
  await t.rejects(readReference({ kind: 'env', variable: 'NONE' }, strict), { message: 'the environment variable NONE is not set' })
  await t.rejects(readReference({ kind: 'env', variable: 'NONE' }, { env: { NONE: '' }, allowLoose: false }), { message: 'the environment variable NONE is empty' })
})

t.test('a file that every user may read is refused, unless that is allowed', async (t) => {
  const path = file(t, 'S3cret', 0o604)
  await t.rejects(readReference({ kind: 'file', path }, strict), { message: /is open to every user of this machine/ })
  t.equal(await readReference({ kind: 'file', path }, { env: {}, allowLoose: true }), 'S3cret')
})
