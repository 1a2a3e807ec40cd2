import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import t from 'tap'
import { errors } from 'undici'
import { readHead } from '../../../src/clusters/http1/head.ts'

const ok = 'HTTP/1.1 200 OK'

/** What nobody may take for an answer; `node`: why node's own parser, in some version, takes it. */
const refused: readonly (readonly [what: string, head: string, node?: string])[] = [
  ['two equal lengths', `${ok}\r\nContent-Length: 2\r\nContent-Length: 2`],
  ['two lengths', `${ok}\r\nContent-Length: 2\r\ncontent-length: 3`],
  ['a list of lengths', `${ok}\r\nContent-Length: 2, 2`],
  ['a length with a sign', `${ok}\r\nContent-Length: +2`],
  ['a length below nothing', `${ok}\r\nContent-Length: -1`],
  ['a length in hexadecimal', `${ok}\r\nContent-Length: 0x2`],
  ['a length in parts', `${ok}\r\nContent-Length: 1 2`],
  ['an empty length', `${ok}\r\nContent-Length:`],
  ['a length that no number holds', `${ok}\r\nContent-Length: ${'9'.repeat(16)}`, 'it counts in 64 bits'],
  ['a length and a coding', `${ok}\r\nContent-Length: 2\r\nTransfer-Encoding: chunked`],
  ['a coding and a length', `${ok}\r\nTransfer-Encoding: chunked\r\nContent-Length: 2`],
  ['another coding', `${ok}\r\nTransfer-Encoding: gzip`, 'it reads to the end of the connection'],
  ['chunked under another', `${ok}\r\nTransfer-Encoding: gzip, chunked`, 'it reads the chunks'],
  ['chunked twice in a line', `${ok}\r\nTransfer-Encoding: chunked, chunked`, 'it reads the chunks'],
  ['chunked twice', `${ok}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked`, 'it reads the chunks'],
  ['chunked, and then not', `${ok}\r\nTransfer-Encoding: chunked, identity`, 'it reads to the end of the connection'],
  ['a coding that ends in chunked', `${ok}\r\nTransfer-Encoding: xchunked`, 'it reads to the end of the connection'],
  ['a coding of nothing', `${ok}\r\nTransfer-Encoding:`, 'it reads to the end of the connection'],
  ['a coding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked', 'it reads the chunks; Go does not'],
  ['a length of a 204', 'HTTP/1.1 204 No Content\r\nContent-Length: 2', 'it ignores it'],
  ['a folded line', `${ok}\r\nX: a\r\n b`],
  ['a folded line with a colon', `${ok}\r\nX: a\r\n\tContent-Length: 2`],
  ['a first line that is folded', `${ok}\r\n X: a`],
  ['a space before the colon', `${ok}\r\nContent-Length : 2`],
  ['a tab before the colon', `${ok}\r\nContent-Length\t: 2`],
  ['a name of nothing', `${ok}\r\n: 2`],
  ['a line without a colon', `${ok}\r\nContent-Length`],
  ['a name with a byte beyond ASCII', `${ok}\r\nX\xe4: a`],
  ['a bare CR in a value', `${ok}\r\nX: a\rContent-Length: 2`],
  ['a bare LF in a value', `${ok}\r\nX: a\nb`],
  ['a bare LF that ends a line', `${ok}\nX: a`],
  ['a CR before the end of a line', `${ok}\r\nX: a\r\r\nY: b`],
  ['NUL in a value', `${ok}\r\nX: a\0b`],
  ['a control character in a value', `${ok}\r\nX: a\x01b`],
  ['DEL in a value', `${ok}\r\nX: a\x7fb`],
  ['a control character in the reason', 'HTTP/1.1 200 O\x1bK', 'it takes any'],
  ['NUL in the reason', 'HTTP/1.1 200 O\0K', 'it takes any'],
  ['an empty line before', `\r\n${ok}`, 'it skips them'],
  ['another version', 'HTTP/2.0 200 OK', 'it reads it all the same'],
  ['HTTP/1.2', 'HTTP/1.2 200 OK'],
  ['HTTP/0.9', 'HTTP/0.9 200 OK', 'it reads it all the same'],
  ['another protocol', 'ICY 200 OK'],
  ['lower case', 'http/1.1 200 OK'],
  ['a status of two digits', 'HTTP/1.1 20 OK'],
  ['a status of four digits', 'HTTP/1.1 2000 OK'],
  ['a status below 100', 'HTTP/1.1 099 OK', 'it takes any three digits'],
  ['no status', 'HTTP/1.1 OK'],
  ['two spaces before the status', 'HTTP/1.1  200 OK'],
  ['a tab before the status', 'HTTP/1.1\t200 OK'],
  ['a tab behind the status', 'HTTP/1.1 200\tOK'],
  ['a request', 'GET / HTTP/1.1'],
  ['nothing', ''],
]

const accepted: readonly (readonly [what: string, head: string])[] = [
  ['no reason and no space', 'HTTP/1.1 200'],
  ['an empty reason', 'HTTP/1.1 200 '],
  ['a reason beyond ASCII', 'HTTP/1.1 200 O\xc3\xa4'],
  ['a length with blanks around', `${ok}\r\nContent-Length:  0  `],
  ['chunked in any case', `${ok}\r\nTRANSFER-encoding: Chunked`],
  ['an empty value', `${ok}\r\nX:`],
  ['a tab in a value', `${ok}\r\nX: a\tb`],
  ['bytes beyond ASCII in a value', `${ok}\r\nX: \xff\x80`],
  ['HTTP/1.0', 'HTTP/1.0 200 OK'],
  ['a 304 with the length of what it stands for', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9'],
  ['a 204 with a length of none', 'HTTP/1.1 204 No Content\r\nContent-Length: 0'],
]

t.test('what two readers could take for different answers is refused', async (t) => {
  for (const [what, head] of refused) t.throws(() => readHead(head, 'GET'), errors.HTTPParserError, what)
})

t.test('what is odd and clear is taken', async (t) => {
  for (const [what, head] of accepted) t.doesNotThrow(() => readHead(head, 'GET'), what)
})

t.test('what node\'s own parser refuses is refused, and it takes what is taken', async (t) => {
  const replies: string[] = []
  const server = net.createServer(socket => socket.on('error', () => {}).once('data', () => socket.end(`${replies.shift() ?? ''}\r\n\r\n`, 'latin1')))
  server.listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const takes = (head: string) => new Promise<boolean>((resolve) => {
    replies.push(head)
    http.get({ host: '127.0.0.1', port, agent: false })
      .on('response', answer => { answer.destroy(); resolve(true) })
      .on('error', () => resolve(false))
  })
  for (const [what, head, why] of refused) if (why === undefined) t.equal(await takes(head), false, what)
  for (const [what, head] of accepted) t.equal(await takes(head), true, what)
})

t.test('where the body ends (RFC 9112 §6.3)', async (t) => {
  const rows: readonly (readonly [head: string, method: string, framing: unknown])[] = [
    [`${ok}\r\nContent-Length: 5`, 'GET', 5],
    [`${ok}\r\nContent-Length: 00005`, 'GET', 5],
    [`${ok}\r\nContent-Length: 5`, 'HEAD', 0],
    [`${ok}\r\nTransfer-Encoding: chunked`, 'GET', 'chunked'],
    [`${ok}\r\nTransfer-Encoding: chunked`, 'HEAD', 0],
    [ok, 'GET', 'until-close'],
    [ok, 'HEAD', 0],
    ['HTTP/1.1 204 No', 'GET', 0],
    ['HTTP/1.1 304 No\r\nContent-Length: 5', 'GET', 0],
    ['HTTP/1.1 304 No\r\nTransfer-Encoding: chunked', 'GET', 0],
    ['HTTP/1.1 205 Reset\r\nContent-Length: 5', 'GET', 5],
  ]
  for (const [head, method, framing] of rows) t.equal(readHead(head, method).framing, framing, `${method} ${JSON.stringify(head)}`)
})

t.test('whether the connection may carry another request', async (t) => {
  const rows: readonly (readonly [lines: string, reusable: boolean])[] = [
    ['', true], ['\r\nConnection: keep-alive', true], ['\r\nConnection: closed', true], ['\r\nConnection: x-close', true],
    ['\r\nConnection: close', false], ['\r\nconnection: Close', false], ['\r\nConnection: keep-alive, CLOSE', false],
    ['\r\nConnection: close,x', false], ['\r\nConnection: x,close', false], ['\r\nConnection: x ,\tclose\t, y', false],
    ['\r\nConnection: x\r\nConnection: close', false], ['\r\nConnection: close\r\nConnection: keep-alive', false],
  ]
  for (const [lines, reusable] of rows) {
    t.equal(readHead(`${ok}\r\nContent-Length: 0${lines}`, 'GET').reusable, reusable, JSON.stringify(lines))
    t.equal(readHead(`HTTP/1.0 200 OK\r\nContent-Length: 0${lines}`, 'GET').reusable, false, `HTTP/1.0 ${JSON.stringify(lines)}`)
  }
  t.equal(readHead(ok, 'GET').reusable, false, 'nor where its end is that of the body')
})

t.test('for how long it is kept', async (t) => {
  const rows: readonly (readonly [value: string, ms: number | undefined])[] = [
    ['timeout=5', 5000], ['timeout=5, max=100', 5000], ['max=100,TIMEOUT=7', 7000], ['timeout=0', 0], ['max=100', undefined],
    ['timeout=', undefined], ['timeout=-1', undefined], ['xtimeout=5', undefined], ['', undefined],
  ]
  for (const [value, ms] of rows) t.equal(readHead(`${ok}\r\nContent-Length: 0\r\nKeep-Alive: ${value}`, 'GET').keepFor, ms, value)
})

t.test('names, values and the reason are passed on as they came', async (t) => {
  const { status, message, headers } = readHead('HTTP/1.1 299 Fi\xf6ne  \r\nX-One: \t a  b \t\r\nx-one:\xe4\r\nEmpty:', 'GET')
  t.strictSame({ status, message, headers }, { status: 299, message: 'Fi\xf6ne  ', headers: ['X-One', 'a  b', 'x-one', '\xe4', 'Empty', ''] })
})
