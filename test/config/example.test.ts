// config/ is what people copy: it has every field, and what stands in it is so. That it loads, and differs from the
// defaults in nothing, is in test/cli/check.test.ts.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parse } from 'yaml'
import { callersFileSchema } from '../../src/callers/schema.ts'
import { optionPage, optionsOf, type Option } from '../../src/config/option-page.ts'
import { configSchema } from '../../src/config/schema.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const example = read('config/portcullis.yaml')

/** Of each field at the top, what stands under it, in a comment or not. */
const sections = new Map(example.split(/^(?=(?:# )?[a-z][a-zA-Z]*:)/m).map(text => [/^(?:# )?(\w+):/.exec(text)?.[1] ?? '', text] as const))
const top = (path: string) => path.split(/[.[]/)[0] ?? ''
const name = (path: string) => path.split('.').at(-1) ?? ''

t.test('every field of the schema is in config/portcullis.yaml, where a reader looks for it', async (t) => {
  const missing = optionsOf(configSchema)
    .filter(({ path }) => !new RegExp(`\\b${name(path)}: ?`).test(sections.get(top(path)) ?? ''))
    .map(({ path }) => path)
  t.strictSame(missing, [])
})

/** A field's default as it would be written. */
function writtenDefault({ shape: { default: value } }: Option): string | undefined {
  if (value === undefined || value === null || (typeof value === 'object' && JSON.stringify(value) !== '[]')) return undefined
  return JSON.stringify(value).replaceAll('"', '')
}

t.test('every default of the schema stands in it', async (t) => {
  for (const option of optionsOf(configSchema)) {
    const value = writtenDefault(option)
    if (value === undefined || option.path === 'audit.policy[].resources[].group' || option.path === 'audit.policy[].resources[].resources' || option.path.endsWith('resourceNames')) continue
    t.match(sections.get(top(option.path)), new RegExp(`\\b${name(option.path)}: ${value.replace(/[[\].]/g, '\\$&')}(?![\\w.])`), option.path)
  }
})

t.test('every field of callers.yaml is in config/callers.yaml', async (t) => {
  const [file] = callersFileSchema.anyOf ?? []
  const text = read('config/callers.yaml')
  const missing = optionsOf(file ?? {}).map(({ path }) => path).filter(path => !new RegExp(`\\b${name(path)}: ?`).test(text))
  t.strictSame(missing.filter(path => !path.includes('.subject.')), [])
})

t.test('config/callers.yaml has a dashboard, a CI job, a bot and an inventory script', async (t) => {
  const { callers } = parse(read('config/callers.yaml')) as { callers: { name: string }[] }
  t.strictSame(callers.map(({ name }) => name), ['ci', 'dashboard', 'chat-bot', 'inventory'])
})

for (const file of ['portcullis', 'callers']) {
  t.test(`config/${file}.yaml names its schema for editors`, async (t) => {
    t.match(read(`config/${file}.yaml`), new RegExp(`^# yaml-language-server: \\$schema=${file}\\.schema\\.json$`, 'm'))
  })
}

t.test('docs/reference/config.md is what the code says (npm run schemas makes it)', async (t) => {
  t.equal(read('docs/reference/config.md'), optionPage())
})
