import t from 'tap'
import { LogBook } from '../../src/sample/log-book.ts'
import { startSample } from '../support/sample.ts'

const log = '/api/v1/namespaces/team-a/pods/web-0/log'

t.test('a log is read whole, from its end, or since a time', async (t) => {
  let now = Date.UTC(2026, 0, 1)
  const { call, sample } = await startSample(t, { clock: () => now })
  now += 60_000
  sample.writeLog('team-a', 'web-0', 'one')
  sample.writeLog('team-a', 'web-0', 'two')
  const whole = await call('GET', log)
  t.equal(whole.text, 'web-0 started\none\ntwo\n')
  t.equal(whole.headers['content-type'], 'text/plain')
  t.equal((await call('GET', `${log}?tailLines=1&timestamps=true`)).text, '2026-01-01T00:01:00.000Z two\n')
  t.equal((await call('GET', `${log}?tailLines=0`)).text, '')
  t.equal((await call('GET', `${log}?sinceSeconds=30`)).text, 'one\ntwo\n')
  t.throws(() => sample.writeLog('team-a', 'none', 'x'))
})

t.test('a followed log goes on: the pod writes while somebody reads', async (t) => {
  const { lines, sample } = await startSample(t, { logInterval: 20 })
  const [one, two] = [await lines(`${log}?follow=true&tailLines=0`), await lines(`${log}?follow=true`)]
  t.equal((await two.next()).value, 'web-0 started')
  t.equal((await one.next()).value, 'tick 1')
  t.equal((await two.next()).value, 'tick 1')
  t.equal((await one.next()).value, 'tick 2')
  await one.return(undefined)
  sample.writeLog('team-a', 'web-0', 'by hand')
  for (let line = await two.next(); line.value !== 'by hand'; line = await two.next()) t.match(line.value, /^tick \d+$/)
})

t.test('a followed log ends with its pod', async (t) => {
  const { call, lines } = await startSample(t, { logInterval: 3600_000 })
  const follow = await lines(`${log}?follow=true`)
  await follow.next()
  await call('DELETE', '/api/v1/namespaces/team-a/pods/web-0')
  t.equal((await follow.next()).done, true)
})

t.test('a log is bounded', async (t) => {
  const { call, sample } = await startSample(t)
  for (let line = 0; line < 1500; line += 1) sample.writeLog('team-a', 'web-0', String(line))
  const text = (await call('GET', log)).text.trim().split('\n')
  t.strictSame([text.length, text[0], text.at(-1)], [1000, '500', '1499'])
})

t.test('a reader that falls behind misses what was dropped, and nothing else', async (t) => {
  const book = new LogBook(Date.now, 3600_000)
  book.write('pod', 'first')
  const stop = new AbortController()
  const reader = book.read('pod', { follow: true, timestamps: false, tail: 1, since: 0 }, stop.signal)
  t.equal((await reader.next()).value, 'first\n')
  for (let line = 0; line < 1500; line += 1) book.write('pod', String(line))
  const seen: string[] = []
  for (let line = 500; line < 1500; line += 1) seen.push(String((await reader.next()).value))
  t.strictSame([seen[0], seen.at(-1)], ['500\n', '1499\n'])
  stop.abort()
  t.equal((await reader.next()).done, true)
})

t.test('a pod writes as long as one reader is left', async (t) => {
  const book = new LogBook(Date.now, 10)
  const request = { follow: true, timestamps: false, tail: 0, since: 0 }
  const { signal } = new AbortController()
  const [one, two] = [book.read('pod', request, signal), book.read('pod', request, signal)]
  await Promise.all([one.next(), two.next()])
  await one.return(undefined)
  t.match((await two.next()).value, 'tick 2')
  await two.return(undefined)
})

t.test('only so many logs are kept, and a followed one that goes ends', async (t) => {
  const book = new LogBook(Date.now, 3600_000)
  book.write('first', 'x')
  const reader = book.read('first', { follow: true, timestamps: false, tail: 1, since: 0 }, new AbortController().signal)
  await reader.next()
  for (let pod = 0; pod < 1000; pod += 1) book.write(String(pod), 'x')
  t.equal((await reader.next()).done, true)
})

t.test('what cannot be read is refused', async (t) => {
  const { call } = await startSample(t)
  await call('POST', '/api/v1/namespaces/team-a/pods', { body: { metadata: { name: 'two' }, spec: { containers: [{ name: 'a' }, { name: 'b' }] } } })
  const two = '/api/v1/namespaces/team-a/pods/two/log'
  t.match((await call('GET', two)).json, { code: 400, message: 'a container name must be specified for pod two, choose one of: [a b]' })
  t.equal((await call('GET', `${two}?container=b`)).status, 200)
  t.equal((await call('GET', `${two}?container=c`)).status, 400)
  t.equal((await call('GET', `${log}?tailLines=x`)).status, 400)
  t.equal((await call('POST', log)).status, 405)
  t.equal((await call('GET', '/api/v1/namespaces/team-a/pods/none/log')).status, 404)
})
