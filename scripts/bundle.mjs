// npm run build, after tsc: dist/main.js and what it imports of our own, in a few files in place of four hundred, which
// is a fifth of a start. Packages stay where npm has put them, so that an update of one holds, and each keeps its licence
// beside it. Nothing is minified: a stack names our functions, and the lines that it points at say which module they are of.
// The modules that tsc made stay beside it: tests and benchmarks import them one by one.
import { rmSync } from 'node:fs'
import { fileURLToPath, URL } from 'node:url'
import { build } from 'esbuild'

const root = new URL('../', import.meta.url)
rmSync(new URL('dist/parts', root), { recursive: true, force: true })
await build({
  absWorkingDir: fileURLToPath(root),
  // A thread begins at a file beside the one that begins it.
  entryPoints: { 'main': 'src/main.ts', 'parts/load-thread': 'src/callers/load-thread.ts' },
  outdir: 'dist', chunkNames: 'parts/[name]-[hash]',
  bundle: true, splitting: true, packages: 'external', format: 'esm', platform: 'node', target: 'node20',
  charset: 'utf8', logLevel: 'warning',
})
