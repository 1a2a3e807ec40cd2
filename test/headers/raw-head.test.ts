import t from 'tap'
import { rawHead } from '../../src/headers/raw-head.ts'

t.test('a head is a status line, the headers in order and case, and an empty line', async (t) => {
  const head = rawHead(101, 'Switching Protocols', ['Upgrade', 'websocket', 'x-ONE', '1', 'X-one', ''])
  t.equal(head.toString(), 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nx-ONE: 1\r\nX-one: \r\n\r\n')
})

t.test('bytes beyond ASCII stay the single bytes they were', async (t) => {
  t.ok(rawHead(200, 'OK', ['X', 'caf\xe9']).includes(Buffer.from('caf\xe9\r\n', 'latin1')))
})

t.test('nothing that could begin another line, or end the head, gets into one', async (t) => {
  const bad: [number, string, string[]][] = [
    [200, 'OK\r\nX: y', []], [200, 'OK', ['X', 'a\r\nb']], [200, 'OK', ['X', 'a\rb']], [200, 'OK', ['X', 'a\nb']],
    [200, 'OK', ['X', 'a\0b']], [200, 'OK', ['X: y\r\nZ', 'a']], [200, 'OK', ['', 'a']], [200, 'OK', ['a b', 'c']],
    [200, 'OK', ['a:', 'c']], [200, 'OK', ['X', '\u010d\u010a']], [20, 'OK', []], [NaN, 'OK', []], [200.5, 'OK', []],
  ]
  for (const [status, message, headers] of bad) {
    t.throws(() => rawHead(status, message, headers), TypeError, JSON.stringify([status, message, headers]))
  }
})
