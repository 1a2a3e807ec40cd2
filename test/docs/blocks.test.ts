// Every block of commands in README and docs is run: what stands there works when it is pasted. docs/README.md tells
// readers which tools are the real ones.
import t from 'tap'
import { createPageWorld } from '../support/page-world.ts'
import { pages, type Block } from '../support/pages.ts'
import { prepare } from '../support/page-folders.ts'

/** How a block is tested, by its language and what stands behind that. */
const ways: Readonly<Record<string, 'run' | 'file' | 'loaded' | 'npm' | 'shown'>> = {
  'sh run': 'run', 'js run': 'run', 'python run': 'run',
  'yaml file': 'file', 'yaml': 'loaded', 'sh': 'npm', 'text': 'shown',
}

const wayOf = ({ language, how }: Block) => ways[`${language} ${how}`.trim()]
const place = ({ page, line }: Block) => `${page}:${line}`

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

// A page takes some seconds on a machine that does nothing else; each command is a process.
t.setTimeout(900_000)
/** For whoever writes one: the path of a page, which is then run alone. */
const only = process.env['PORTCULLIS_PAGE']

for (const { path, blocks } of pages.filter(({ path, blocks }) => (only === undefined || path === only) && blocks.some(block => wayOf(block) === 'run'))) {
  t.test(`${path}: every block runs, from top to bottom`, { timeout: 300_000 }, async (t) => {
    const world = await createPageWorld(t)
    await prepare(path, world)
    for (const block of blocks) {
      if (wayOf(block) === 'file') await world.writeFile(block)
      if (wayOf(block) !== 'run') continue
      const { code, output } = await world.run(commandOf(block))
      t.equal(code, 0, `${place(block)}\n${output}`)
    }
  })
}

/** The block as commands for bash. Python programs run where its package is, and are parsed everywhere. */
function commandOf({ language, text }: Block): string {
  if (language === 'sh') return text
  if (language === 'js') return `cat >block.mjs <<'END'\n${text}END\n"$PAGE_NODE" block.mjs\n`
  return `cat >block.py <<'END'\n${text}END\npython3 -c 'import ast; ast.parse(open("block.py").read())'\nif python3 -c 'import kubernetes' 2>/dev/null; then python3 block.py; fi\n`
}
