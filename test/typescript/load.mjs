// A module hook (node:module, `load`). What it made of a file is kept: four hundred test files share some hundreds of sources.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath, URL } from 'node:url'

const cache = fileURLToPath(new URL('../../node_modules/.cache/portcullis-test/typescript/', import.meta.url))
mkdirSync(cache, { recursive: true })
let esbuild

export async function load(url, context, next) {
  if (!url.endsWith('.ts') || url.includes('/node_modules/')) return next(url, context)
  const source = readFileSync(fileURLToPath(url), 'utf8')
  const kept = `${cache}${createHash('sha256').update(`${url}\0${source}`).digest('hex')}.js`
  return { format: 'module', source: read(kept) ?? await translate(url, source, kept), shortCircuit: true }
}

function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

async function translate(url, source, kept) {
  esbuild ??= await import('esbuild')
  const { code } = esbuild.transformSync(source, { loader: 'ts', format: 'esm', target: 'node20', sourcemap: 'inline', sourcefile: fileURLToPath(url) })
  // Whole or not at all: other processes look at the same time.
  writeFileSync(`${kept}.${process.pid}`, code)
  renameSync(`${kept}.${process.pid}`, kept)
  return code
}
