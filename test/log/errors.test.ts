import t from 'tap'
import { serializeError } from '../../src/log/errors.ts'

t.test('an error is told with its code, its stack and its causes', async (t) => {
  const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect', address: '127.0.0.1', port: 6443 })
  t.match(serializeError(new TypeError('no', { cause })), {
    type: 'TypeError', message: 'no', stack: /TypeError: no/,
    cause: { message: 'connect ECONNREFUSED', code: 'ECONNREFUSED', syscall: 'connect', address: '127.0.0.1', port: 6443 },
  })
  t.match(serializeError(new AggregateError([new Error('one'), new Error('two')])), { errors: [{ message: 'one' }, { message: 'two' }] })
})

t.test('what parsers hang on their errors is not told: it is the traffic', async (t) => {
  const request = Buffer.from('GET / HTTP/1.1\r\nAuthorization: Bearer secret\r\n')
  const error = Object.assign(new Error('Parse Error', { cause: Object.assign(new Error('x'), { data: 'secret' }) }), { rawPacket: request, data: 'secret', code: request })
  const text = JSON.stringify(serializeError(error))
  t.notMatch(text, /secret|rawPacket|"data"|115,101,99,114,101,116/)
})

t.test('causes that go round are followed no further than five deep', async (t) => {
  const error = new Error('round')
  error.cause = error
  t.equal(JSON.stringify(serializeError(error)).split('"message"').length - 1, 6)
})

t.test('what is no error says only what it is', async (t) => {
  t.equal(serializeError('text'), 'text')
  t.strictSame(serializeError({ secret: 'x' }), { type: 'object' })
  t.equal(serializeError(undefined), undefined)
})
