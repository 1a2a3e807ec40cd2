// Rooms whose tests need no process of their own are run in this one: to start one costs more than most of them take.
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

const rooms = ['addresses', 'authorize', 'config', 'headers', 'keys', 'limits', 'log', 'metrics', 'queries', 'rbac', 'redaction', 'resolve']

/** Run by `npm run test:slow`: the chart, the image, benchmarks, every block of the docs. */
const slow = ['bench', 'helm', 'image', 'packaging']

t.test('what tap leaves out is what is run here, or by test:slow', async (t) => {
  const { tap } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { tap: { include: string[] } }
  t.strictSame(tap.include, ['test/*.test.ts', `test/!(${[...rooms, ...slow].join('|')})/**/*.test.ts`])
})

for (const room of rooms) {
  const folder = new URL(`${room}/`, import.meta.url)
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    if (file.endsWith('.test.ts')) await import(new URL(file, folder).href)
  }
}
