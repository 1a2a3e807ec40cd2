import { gzipSync } from 'node:zlib'
import t from 'tap'
import { LeakScanner, secretsIn } from './leak-scanner.ts'

const opaque = 's3cr3t-opaque+value/1234567890'
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const signature = 'dGhlLXNpZ25hdHVyZS1vZi1zb21lYm9keS13aG8taXMtbm90LWhlcmU'
const jwt = `${part({ alg: 'RS256' })}.${part({ sub: 'system:serviceaccount:portcullis:portcullis', jti: '7a3b' })}.${signature}`
const hex = (text: string) => Buffer.from(text).toString('hex')
const percent = (text: string) => hex(text).replace(/../g, '%$&')
const base64 = (text: string) => Buffer.from(text).toString('base64')

const forms: Readonly<Record<string, (secret: string) => string | Buffer>> = {
  'plain': (secret) => `Bearer ${secret} `,
  'percent-encoded': encodeURIComponent,
  'percent-encoded in lower case': (secret) => encodeURIComponent(secret).replace(/%../g, (escape) => escape.toLowerCase()),
  'percent-encoded throughout': percent,
  'percent-encoded throughout in upper case': (secret) => percent(secret).toUpperCase(),
  'in hex': hex,
  'in upper-case hex': (secret) => hex(secret).toUpperCase(),
  'as \\u escapes': (secret) => hex(secret).replace(/../g, '\\u00$&'),
  'in base64, alone': base64,
  'in base64, behind one character': (secret) => base64(`:${secret}`),
  'in base64, as a password': (secret) => base64(`sa:${secret} and more`),
  'in base64url': (secret) => Buffer.from(`user:${secret}`).toString('base64url'),
  'in UTF-16LE': (secret) => Buffer.from(secret, 'utf16le'),
  'in UTF-16BE': (secret) => Buffer.from(`${secret} `, 'utf16le').swap16(),
  'in a JSON string': (secret) => JSON.stringify({ secret }),
}

for (const [name, form] of Object.entries(forms)) {
  t.test(`a secret is found ${name}`, async (t) => {
    for (const secret of [opaque, jwt, `pass"word\\of-${opaque}`, 'twelve-chars']) {
      const text = Buffer.concat([Buffer.from('before '), Buffer.from(form(secret) as string), Buffer.from(' behind')])
      t.not(new LeakScanner([secret]).scan({}, text).length, 0, secret)
      t.strictSame(new LeakScanner([`${secret.slice(0, 5)}-another-one`]).scan({}, text), [], `${secret} is no other one`)
    }
  })

  t.test(`and wherever it is cut in two: ${name}`, async (t) => {
    const text = Buffer.concat([Buffer.from(form(opaque) as string), Buffer.from(' behind')])
    for (let at = 0; at <= text.length; at += 1) {
      const scanner = new LeakScanner([opaque])
      const stream = {}
      const found = [...scanner.scan(stream, text.subarray(0, at)), ...scanner.scan(stream, text.subarray(at))]
      t.equal(found.length, 1, `at ${at}, once`)
    }
  })
}

t.test('a leak says how it was written and not what', async (t) => {
  const [leak] = new LeakScanner([opaque]).scan({}, hex(opaque))
  t.strictSame(leak, { form: 'in hex', secret: 'the secret of 30 characters that begins s3c…' })
})

t.test('what a test plants next to a leak is found, too, and nothing twice', async (t) => {
  const scanner = new LeakScanner([opaque])
  const stream = {}
  t.equal(scanner.scan(stream, `${opaque} ${opaque}`).length, 2)
  t.equal(scanner.scan(stream, ' and no more').length, 0)
})

t.test('one stream is not the next: half a secret on each is none', async (t) => {
  const scanner = new LeakScanner([opaque])
  t.strictSame([...scanner.scan({}, opaque.slice(0, 15)), ...scanner.scan({}, opaque.slice(15))], [])
})

t.test('across the chunks of an HTTP/1.1 body, in whatever pieces they are written', async (t) => {
  const framed = (size: number) => (opaque.match(new RegExp(`.{1,${size}}`, 'g')) ?? [])
    .map((piece) => `${piece.length.toString(16)};x=y\r\n${piece}\r\n`).join('')
  for (const size of [1, 7, 16]) {
    const text = `HTTP/1.1 200 OK\r\n\r\n${framed(size)}0\r\n\r\n`
    for (const step of [1, 3, text.length]) {
      const scanner = new LeakScanner([opaque])
      const stream = {}
      const found = []
      for (let at = 0; at < text.length; at += step) found.push(...scanner.scan(stream, text.slice(at, at + step)))
      t.equal(found.length, 1, `chunks of ${size}, written ${step} bytes at a time`)
    }
  }
})

t.test('in a compressed body, cut off or not, chunked or not, at the end', async (t) => {
  const body = gzipSync(JSON.stringify({ kind: 'APIGroupList', token: opaque }))
  const chunks = Buffer.concat([body.subarray(0, 30), Buffer.from('\r\n2a\r\n'), body.subarray(30), Buffer.from('\r\n0\r\n\r\n')])
  for (const [name, text] of Object.entries({ whole: body, cut: body.subarray(0, -9), chunks, behindAnother: Buffer.concat([gzipSync('{}'), Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), body]) })) {
    const scanner = new LeakScanner([opaque])
    const stream = {}
    t.strictSame(scanner.scan(stream, Buffer.concat([Buffer.from('Content-Encoding: gzip\r\n\r\n'), text])), [], name)
    t.equal(scanner.finish().length, 1, name)
    t.equal(scanner.finish().length, 0, `${name}: once`)
  }
})

t.test('of a JWT, what makes it one and what it says, but not how every JWT begins', async (t) => {
  const [head = '', payload = ''] = jwt.split('.')
  const scanner = new LeakScanner([jwt])
  for (const [text, count] of [[jwt, 2], [payload, 1], [signature, 1], [signature.slice(0, 50), 1], [`${head}.${payload.slice(0, 40)}`, 0]] as const) {
    t.equal(scanner.scan({}, text).length, count, text)
  }
  t.equal(new LeakScanner([`${head}.${payload}.c2hvcnQ`]).scan({}, `${head}.${payload}.c2hvcnQ`).length, 1, 'with a short signature, too')
})

t.test('of a long secret either end is enough', async (t) => {
  const long = Array.from({ length: 40 }, (_, at) => `part-${at}.`).join('')
  const scanner = new LeakScanner([long])
  t.equal(scanner.scan({}, long.slice(0, 60)).length, 1)
  t.equal(scanner.scan({}, long.slice(-60)).length, 1)
})

t.test('a short secret is looked for in plain, a very short one not at all', async (t) => {
  t.equal(new LeakScanner(['hunter2']).scan({}, 'hunter2').length, 1)
  t.equal(new LeakScanner(['hunter2']).scan({}, hex('hunter2')).length, 0)
  t.equal(new LeakScanner(['token']).scan({}, 'token').length, 0)
})

t.test('secrets are learned on the way, the latest are known', async (t) => {
  const scanner = new LeakScanner([opaque])
  const stream = {}
  t.equal(scanner.scan(stream, 'rotated-token-000').length, 0)
  for (let turn = 0; turn < 30; turn += 1) scanner.learn(`rotated-token-${String(turn).padStart(3, '0')}`)
  t.equal(scanner.scan(stream, 'rotated-token-029').length, 1)
  t.equal(scanner.scan(stream, 'rotated-token-000').length, 0, 'long gone')
  t.equal(scanner.scan(stream, opaque).length, 1, 'what it was made for stays')
})

t.test('an API key is found whoever holds it', async (t) => {
  const key = 'pcl_k7Q2mX9a_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg2pZTdb'
  t.match(new LeakScanner().scan({}, `x ${key}`), [{ secret: 'the API key pcl_k7Q2mX9a…' }])
  t.strictSame(new LeakScanner().scan({}, 'pcl_k7Q2mX9a_[redacted]'), [])
})

t.test('what is a secret in a file', async (t) => {
  const pem = '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\nc2Vjb25kLWxpbmUtb2YtYS1rZXk\n-----END PRIVATE KEY-----\n'
  for (const [name, text, expected] of [
    ['a token', `${opaque}\n`, [opaque]],
    ['a private key', pem, ['c2Vjb25kLWxpbmUtb2YtYS1rZXk']],
    ['a private key in JSON', JSON.stringify({ pem }), ['c2Vjb25kLWxpbmUtb2YtYS1rZXk']],
    ['a kubeconfig', `users:\n- name: me\n  user:\n    token: ${opaque}\n`, [opaque]],
    ['a JWT in a script', `echo '{ "status": "${jwt}" }'`, [jwt]],
    ['a certificate', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n', []],
    ['prose', 'a file without any', []],
  ] as const) {
    t.strictSame(secretsIn(text), expected, name)
  }
})
