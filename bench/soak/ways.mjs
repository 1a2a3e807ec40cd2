// How each of the mix is asked: every way resolves with the status, or rejects.
import { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, constants } from 'node:http2'
import https from 'node:https'
import { setImmediate } from 'node:timers'
import { setTimeout as pause } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import { mintKey } from '../../dist/keys/key.js'
import { configMap, discovery, events, list, pod, watch } from '../speed/answers.mjs'
import { Caller, dialer } from '../speed/caller.mjs'
import { get, post } from '../speed/workloads.mjs'

const bytes = (request) => Buffer.from(request, 'latin1')
/** Seconds that a watch is held. */
const held = 4
/** So many streams are opened on a connection of HTTP/2; then there is another one. */
const streamsEach = 500

/** `keys`: those of the callers, who take turns. */
export function createWays({ port, ca, keys }) {
  const dial = dialer({ port, ca })
  const kept = createKept(dial)
  const sessions = createSessions({ port, ca })
  const keyOf = (index) => keys[index % keys.length]
  const short = (request) => (index) => kept.ask(bytes(request(keyOf(index))))
  const headers = (path, index) => ({ ':path': path, authorization: `Bearer ${keyOf(index)}` })
  const watchBy = openWatches({ port, ca })
  return {
    get: short(get(pod)),
    discovery: short(get(discovery)),
    post: short(post(events, configMap)),
    list: short(get(list(10))),
    // Another one each time: what is remembered by name would grow.
    denied: (index) => kept.ask(bytes(get(`/api/v1/namespaces/team-1/secrets/of-others-${index}`)(keyOf(index)))),
    badKey: () => kept.ask(bytes(get(pod)(mintKey(randomBytes).key))),
    fresh: (index) => alone(dial, (caller) => caller.ask(bytes(get(pod)(keyOf(index))))),
    left: (index) => alone(dial, (caller) => caller.begin(bytes(get(list(10))(keyOf(index))))),
    http2: (index) => stream(sessions.next(), headers(pod, index), (asked) => once(asked.resume(), 'end')),
    cancelled: (index) => stream(sessions.next(), headers(list(10), index), (asked) => once(asked, 'data')),
    watchHttp2: (index) => stream(sessions.next(), headers(watch, index), (asked) => pause(held * 1000, asked.resume())),
    watchLeft: (index) => watchBy(watch, keyOf(index), () => pause(held * 1000)),
    watchEnded: (index) => watchBy(`${watch}&timeoutSeconds=${held}`, keyOf(index), (answer) => once(answer, 'end')),
    leave() {
      kept.leave()
      sessions.leave()
    },
  }
}

/** Connections that are kept: whoever comes next takes the one that has rested longest, or a new one. */
function createKept(dial) {
  const idle = []
  return {
    async ask(request) {
      let caller = idle.shift()
      while (caller?.open === false) caller = idle.shift()
      caller ??= new Caller(dial)
      const status = await caller.ask(request)
      if (caller.open) idle.push(caller)
      return status
    },
    leave: () => idle.splice(0).forEach((caller) => caller.end()),
  }
}

async function alone(dial, way) {
  const caller = new Caller(dial)
  try {
    return await way(caller)
  } finally {
    caller.end()
  }
}

/** One connection of HTTP/2 after another: those before end with their last stream. */
function createSessions({ port, ca }) {
  const secureContext = createSecureContext({ ca })
  const lookup = (_host, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }])
  let session
  let streams = 0
  return {
    next() {
      if (session === undefined || session.closed || session.destroyed || streams === streamsEach) {
        // Later: a GOAWAY overtakes streams that were opened in the same turn (nghttp2 sends those last), and they are refused.
        if (session !== undefined) setImmediate((before) => before.close(), session)
        session = connect(`https://localhost:${port}`, { secureContext, lookup, settings: { enablePush: false } })
        session.on('error', () => { /* its streams say so */ })
        streams = 0
      }
      streams += 1
      return session
    },
    leave: () => session?.close(),
  }
}

/** Left when `until` resolves. */
async function stream(session, headers, until) {
  const asked = session.request(headers)
  let failed
  asked.on('error', (error) => { failed = error })
  try {
    const [head] = await once(asked, 'response')
    await until(asked)
    if (failed !== undefined) throw failed
    return head[':status']
  } finally {
    asked.close(constants.NGHTTP2_CANCEL)
    asked.destroy()
  }
}

/** Each on a connection of its own; left when `until` resolves. */
function openWatches({ port, ca }) {
  const secureContext = createSecureContext({ ca })
  return async (path, key, until) => {
    const asked = https.get({ host: '127.0.0.1', servername: 'localhost', port, path, secureContext, agent: false, headers: { Authorization: `Bearer ${key}` } })
    let failed
    asked.on('error', (error) => { failed = error })
    try {
      const [answer] = await once(asked, 'response')
      answer.on('error', (error) => { failed = error }).resume()
      await until(answer)
      if (failed !== undefined) throw failed
      return answer.statusCode
    } finally {
      asked.destroy()
    }
  }
}
