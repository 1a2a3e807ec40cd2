import t from 'tap'
import { prepare } from './page-folders.ts'
import { createPageWorld } from './page-world.ts'
import { pages, type Block } from './pages.ts'

/** How a block is tested, by its language and what stands behind that. */
const ways: Readonly<Record<string, 'run' | 'file' | 'loaded' | 'npm' | 'shown'>> = {
  'sh run': 'run', 'js run': 'run', 'python run': 'run',
  'yaml file': 'file', 'yaml': 'loaded', 'sh': 'npm', 'text': 'shown',
}

/** Undefined: the page does not say. */
export const wayOf = ({ language, how }: Block) => ways[`${language} ${how}`.trim()]
export const place = ({ page, line }: Block) => `${page}:${line}`

/** Runs every block of commands of the pages for which `wanted` says so, each page in a folder of its own, from top to bottom. */
export function runPages(wanted: (path: string) => boolean): void {
  const ran = pages.filter(({ path, blocks }) => wanted(path) && blocks.some(block => wayOf(block) === 'run'))
  if (ran.length === 0) throw new Error('there is no such page')
  for (const { path, blocks } of ran) {
    t.test(`${path}: every block runs, from top to bottom`, { timeout: 170_000 }, async (t) => {
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
}

/** The block as commands for bash. Python programs run where its package is, and are parsed everywhere. */
function commandOf({ language, text }: Block): string {
  if (language === 'sh') return text
  if (language === 'js') return `cat >block.mjs <<'END'\n${text}END\n"$PAGE_NODE" block.mjs\n`
  return `cat >block.py <<'END'\n${text}END\npython3 -c 'import ast; ast.parse(open("block.py").read())'\nif python3 -c 'import kubernetes' 2>/dev/null; then python3 block.py; fi\n`
}
