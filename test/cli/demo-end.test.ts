// However the demo is ended, its folder goes: it holds a token and keys.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { builtMain } from '../support/built.ts'

const main = builtMain()

async function start(t: Test) {
  const child = spawn(process.execPath, [main, 'demo', '--port', '0'], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  let complained = ''
  child.stderr.on('data', (chunk: Buffer) => { complained += chunk.toString() })
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes('/readyz')) resolve()
    })
    child.once('exit', () => reject(new Error(`the demo ended: ${said}${complained}`)))
  })
  const folder = /\S*portcullis-demo-\w+/.exec(said)?.[0] ?? ''
  t.ok(existsSync(folder), 'it has a folder')
  return { child, exited, folder, said, log: () => said + complained }
}

/** A request whose body does not come. */
async function hang(said: string, folder: string): Promise<() => void> {
  const [, key = ''] = /Bearer (\S+)'/.exec(said) ?? []
  const [url = ''] = /https:\/\/localhost:\d+\/api\S+/.exec(said) ?? []
  const sent = request(url.replace('/pods', '/configmaps'), {
    method: 'POST', headers: { 'Authorization': `Bearer ${key}`, 'Content-Type': 'application/json', 'Content-Length': 100, 'Expect': '100-continue' },
    ca: readFileSync(join(folder, 'ca.crt')),
  })
  sent.on('error', () => {})
  sent.flushHeaders()
  await once(sent, 'continue')
  return () => { sent.destroy() }
}

t.test('a signal that comes twice at once, as under npm, is one', async (t) => {
  const { child, exited, folder, log } = await start(t)
  child.kill('SIGINT')
  child.kill('SIGTERM')
  t.strictSame(await exited, [0, null])
  t.notOk(existsSync(folder))
  t.notMatch(log(), /asked again/)
})

t.test('asked again while a request is under way it ends at once, and its folder goes as well', async (t) => {
  const { child, exited, folder, said, log } = await start(t)
  t.teardown(await hang(said, folder))
  child.kill('SIGINT')
  // So long after the first that it is no echo of it.
  await delay(300)
  t.equal(child.exitCode, null, 'it waits for the request')
  child.kill('SIGINT')
  t.strictSame(await exited, [1, null])
  t.notOk(existsSync(folder))
  t.match(log(), /asked again/)
})
