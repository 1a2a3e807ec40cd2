import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The top of the repository, with a slash at its end. */
export const root = fileURLToPath(new URL('../../', import.meta.url))

/** A fenced block of a page. */
export interface Block {
  readonly page: string
  /** Of its first line within. */
  readonly line: number
  /** Empty: none is said. */
  readonly language: string
  /** What stands behind the language: how the block is tested. */
  readonly how: string
  /** With a line break at its end. */
  readonly text: string
}

/** A page for users, by its path in the repository. */
export interface Page {
  readonly path: string
  readonly text: string
  readonly blocks: readonly Block[]
}

function markdownIn(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? markdownIn(path) : path.endsWith('.md') ? [path] : []
  }).sort()
}

function blocksOf(path: string, text: string): Block[] {
  return [...text.matchAll(/^```(\S*)(?: ([^\n]*))?\n(.*?)^```$/gms)].map((found) => {
    const [, language = '', how = '', inner = ''] = found
    return { page: path, line: text.slice(0, found.index).split('\n').length + 1, language, how, text: inner }
  })
}

export function page(path: string): Page {
  const text = readFileSync(join(root, path), 'utf8')
  return { path, text, blocks: blocksOf(path, text) }
}

/** README, docs, and what else stands at the top for readers; not the changelog, which tells of what was. */
export const pages: readonly Page[] = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...markdownIn('docs')].map(path => page(relative(root, join(root, path))))

/** Rows of the one table of a page whose head begins with that cell. */
export function table({ path, text }: Page, firstHead: string): string[][] {
  const tables = [...text.matchAll(new RegExp(`^\\| ${firstHead} \\|.*\\n\\|[ -|]+\\n((?:\\|.*\\n)+)`, 'gm'))]
  if (tables.length !== 1) throw new Error(`${path} has ${tables.length} tables that begin with ${firstHead}`)
  return (tables[0]?.[1] ?? '').trimEnd().split('\n').map(row => row.slice(1, -1).split('|').map(cell => cell.trim()))
}

/** The words in backquotes. */
export function words(text = ''): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word)
}

/** What a link to a heading ends in. */
export function anchors({ text }: Page): string[] {
  const prose = text.replace(/^```.*?^```$/gms, '')
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase().replace(/[^\w\s-]/g, '').replaceAll(' ', '-'))
}
