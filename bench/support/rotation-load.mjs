// The callers' side of the rotation run: each has a key of its own, reads and writes at its own pace, and counts what fails; watches count what they see.
import { Buffer } from 'node:buffer'
import https from 'node:https'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import { serve } from './part.mjs'

const collection = '/api/v1/namespaces/team-a/configmaps'
const agent = new https.Agent({ keepAlive: true })
const failures = new Map()
const watches = []
/** `name=value` of every write that was answered well. */
const written = new Set()
let target
let requests = 0
let slowest = 0

serve({
  aim({ port, ca, keys }) {
    target = { port, keys, secureContext: createSecureContext({ ca }) }
  },
  /** Every caller has an object of its own, from here on. */
  async prepare() {
    await Promise.all(target.keys.map((key, index) => {
      const metadata = { name: nameOf(index) }
      return call(key, { method: 'POST', path: collection, type: 'application/json', body: { metadata, data: { value: '0' } } })
    }))
    if (failures.size > 0) throw new Error(`not every caller could begin: ${[...failures.keys()].join(', ')}`)
  },
  async watch({ count }) {
    for (let index = 0; index < count; index += 1) watches.push(await openWatch(target.keys[index % target.keys.length]))
  },
  async run({ seconds, pace }) {
    const end = performance.now() + seconds * 1000
    await Promise.all(target.keys.map((key, index) => work(key, index, { end, pace })))
    return { requests, failures: [...failures], slowest }
  },
  /** Once every watch has seen every write, or time is up. */
  async watched({ within }) {
    const missed = () => watches.reduce((sum, { seen }) => sum + [...written].filter((event) => !seen.has(event)).length, 0)
    for (const end = performance.now() + within; missed() > 0 && performance.now() < end;) await pause(50)
    return { watches: watches.length, dropped: watches.filter(({ ended }) => ended).length, events: written.size, missed: missed() }
  },
})

/** Reads, replaces, reads and patches, so many requests a second. */
async function work(key, index, { end, pace }) {
  const name = nameOf(index)
  const path = `${collection}/${name}`
  const write = async (value, options) => {
    if (await call(key, { path, ...options })) written.add(`${name}=${value}`)
  }
  await pause(Math.random() * 1000 / pace)
  for (let turn = 1; performance.now() < end; turn += 1) {
    const next = performance.now() + 1000 / pace
    const data = { value: String(turn), filling: 'x'.repeat(500) }
    if (turn % 4 === 0) await write(turn, { method: 'PUT', type: 'application/json', body: { metadata: { name }, data } })
    else if (turn % 4 === 2) await write(turn, { method: 'PATCH', type: 'application/merge-patch+json', body: { data } })
    else await call(key, { method: 'GET', path: turn % 4 === 1 ? path : '/api/v1/namespaces/team-a/pods' })
    await pause(Math.max(0, next - performance.now()))
  }
}

function nameOf(index) {
  return `of-caller-${index}`
}

/** True when it was answered well; else what it was is counted. */
async function call(key, options) {
  requests += 1
  const begun = performance.now()
  const failure = await exchange(key, options).catch((error) => error.code ?? error.message)
  slowest = Math.max(slowest, performance.now() - begun)
  if (failure === undefined) return true
  const what = `${options.method} ${failure}`
  failures.set(what, (failures.get(what) ?? 0) + 1)
  return false
}

function exchange(key, { method, path, type, body }) {
  return new Promise((resolve, reject) => {
    const sent = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    const more = sent === undefined ? {} : { 'Content-Type': type, 'Content-Length': sent.length }
    const request = https.request(optionsFor(key, path, { method, agent }, more), (response) => {
      let text = ''
      response.on('data', (chunk) => { text += chunk })
      response.on('error', reject)
      response.on('end', () => resolve(response.statusCode < 300 ? undefined : `${response.statusCode} ${messageOf(text)}`))
    })
    request.on('error', reject)
    request.end(sent)
  })
}

function messageOf(text) {
  try {
    return JSON.parse(text).message
  } catch {
    return ''
  }
}

/** Resolves when it is open. From the answer to its request on it is to see everything, and never to end. */
function openWatch(key) {
  return new Promise((resolve, reject) => {
    const request = https.get(optionsFor(key, `${collection}?watch=true`, { agent: false }), (response) => {
      if (response.statusCode !== 200) return reject(new Error(`a watch was answered ${response.statusCode}`))
      const watch = { seen: new Set(), ended: false }
      let left = ''
      response.on('data', (chunk) => {
        const lines = `${left}${chunk}`.split('\n')
        left = lines.pop()
        for (const line of lines) note(watch, JSON.parse(line))
      })
      response.on('error', () => { /* its close says so */ })
      response.on('close', () => { watch.ended = true })
      resolve(watch)
    })
    request.on('error', reject)
  })
}

function note(watch, { type, object }) {
  if (type === 'MODIFIED') watch.seen.add(`${object.metadata.name}=${object.data.value}`)
}

function optionsFor(key, path, more, headers = {}) {
  const { port, secureContext } = target
  return { host: '127.0.0.1', servername: 'localhost', port, secureContext, path, headers: { Authorization: `Bearer ${key}`, ...headers }, ...more }
}
