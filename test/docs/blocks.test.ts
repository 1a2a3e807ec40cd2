// Every block of commands in README and docs is run (by the files beside this one): what stands there works when it is
// pasted. docs/README.md tells readers which tools are the real ones.
import t from 'tap'
import { place, wayOf } from '../support/page-run.ts'
import { pages } from '../support/pages.ts'

t.test('every block says how it is tested', async (t) => {
  for (const block of pages.flatMap(({ blocks }) => blocks)) t.ok(wayOf(block), place(block))
})

t.test('blocks that are not run are scripts of npm that CI runs, and nothing else', async (t) => {
  const blocks = pages.flatMap(({ blocks }) => blocks).filter(block => wayOf(block) === 'npm')
  t.strictSame(blocks.map(({ page }) => page), ['README.md', 'CONTRIBUTING.md'])
  for (const { text } of blocks) t.match(text, /^(?:npm (?:ci|test)(?: && npm (?:start|test))?\n)+$/)
})

t.test('what is shown only holds no command', async (t) => {
  for (const block of pages.flatMap(({ blocks }) => blocks).filter(block => wayOf(block) === 'shown')) {
    t.notMatch(block.text, /^\$ |^(?:portcullis|helm|oc|npm|docker) /m, place(block))
  }
})
