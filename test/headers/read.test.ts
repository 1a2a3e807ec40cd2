import t from 'tap'
import { headerValue, headerValues, listed } from '../../src/headers/read.ts'

const headers = ['Host', 'a', 'X-Key', '1', 'x-key', '2', 'x_key', '3', 'X-Keys', '4']

t.test('every line of a header is found, whatever its case, and no near name', async (t) => {
  t.strictSame(headerValues(headers, 'x-key'), ['1', '2'])
  t.strictSame(headerValues(headers, 'accept'), [])
})

t.test('the first line is the value of a single header', async (t) => {
  t.equal(headerValue(headers, 'x-key'), '1')
  t.equal(headerValue(headers, 'accept'), undefined)
})

t.test('values are never taken for names', async (t) => {
  t.equal(headerValue(['Accept', 'host', 'Via', 'x'], 'host'), undefined)
})

t.test('a list is read over all its lines, less what is empty', async (t) => {
  t.strictSame(listed(['Connection', '', 'Via', 'x', 'connection', ' a ,, B', 'CONNECTION', 'c,'], 'connection'), ['a', 'B', 'c'])
  t.strictSame(listed(headers, 'connection'), [])
})
