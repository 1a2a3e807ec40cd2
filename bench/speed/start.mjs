// From the start of the process until it serves: the demo, as whoever tries it sees it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { fileURLToPath, URL } from 'node:url'
import { target } from './targets.mjs'

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

/** Milliseconds of each of `rounds` starts by each node. */
export async function measureStart({ nodes, rounds }) {
  const rows = []
  for (const { path, label } of nodes) {
    const all = []
    for (let round = 0; round < rounds; round += 1) all.push(await startOnce(path))
    all.sort((a, b) => a - b)
    rows.push([`Node ${label}`, ...[all[Math.floor(all.length / 2)], all[0], all.at(-1)].map((ms) => ms.toFixed(0))])
  }
  return {
    table: { title: 'Start of the demo until it listens, ms', cells: [['', 'middle', 'least', 'greatest'], ...rows] },
    targets: [target('start with the demo config, s', Number(rows[0][1]) / 1000, 0.5)],
  }
}

async function startOnce(node) {
  const begun = performance.now()
  const child = spawn(node, [main, 'demo'], { stdio: ['ignore', 'pipe', 'pipe'] })
  const gone = once(child, 'exit')
  try {
    return await new Promise((resolve, reject) => {
      let said = ''
      const hear = (text) => {
        said += text
        if (said.includes('/readyz')) resolve(performance.now() - begun)
      }
      child.stdout.on('data', hear)
      child.stderr.on('data', hear)
      child.once('exit', () => reject(new Error(`the demo ended: ${said}`)))
    })
  } finally {
    child.kill('SIGKILL')
    await gone
  }
}
