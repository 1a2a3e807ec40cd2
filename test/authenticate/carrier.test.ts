import t from 'tap'
import { readCarrier } from '../../src/authenticate/carrier.ts'

const key = 'pcl_k7Q2mX9a_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg2pZTdb'
const protocol = `base64url.bearer.authorization.k8s.io.${Buffer.from(key).toString('base64url')}`

for (const [what, headers, kind] of [
  ['a bearer', ['Authorization', `Bearer ${key}`], 'authorization'],
  ['a bearer in other letters', ['AUTHORIZATION', `bEARER ${key}`], 'authorization'],
  ['X-API-Key', ['x-api-key', key], 'x-api-key'],
  ['the subprotocol', ['Sec-WebSocket-Protocol', `v5.channel.k8s.io, ${protocol}`], 'subprotocol'],
  ['the subprotocol on a second line', ['Sec-WebSocket-Protocol', 'v5.channel.k8s.io', 'sec-websocket-protocol', protocol], 'subprotocol'],
] as const) {
  t.test(`the key is read from ${what}`, async (t) => {
    t.strictSame(readCarrier(headers), { kind, token: key })
  })
}

for (const [what, headers] of [
  ['nothing', ['Host', 'x']],
  ['underscore twins', ['X_API_Key', key, 'authorization_', key]],
  ['a cookie', ['Cookie', `token=${key}`]],
  ['Proxy-Authorization', ['Proxy-Authorization', `Bearer ${key}`]],
  ['other subprotocols', ['Sec-WebSocket-Protocol', 'v4.channel.k8s.io, base64url.bearer.authorization.k8s.io']],
] as const) {
  t.test(`${what} is no credential`, async t => t.equal(readCarrier(headers), undefined))
}

const bearer = ['Authorization', `Bearer ${key}`]
for (const [what, headers] of [
  ['two Authorization lines', [...bearer, ...bearer]],
  ['a good Authorization line before a bad one', [...bearer, 'authorization', 'Bearer x']],
  ['a bad Authorization line before a good one', ['authorization', '', ...bearer]],
  ['Authorization of another scheme beside X-API-Key', ['Authorization', 'Basic eDp5', 'X-API-Key', key]],
  ['an empty X-API-Key beside Authorization', [...bearer, 'X-API-Key', '']],
  ['two X-API-Key lines', ['X-API-Key', key, 'X-Api-Key', key]],
  ['two bearer subprotocols', ['Sec-WebSocket-Protocol', `${protocol}, ${protocol}`]],
  ['two bearer subprotocols on two lines', ['Sec-WebSocket-Protocol', protocol, 'Sec-WebSocket-Protocol', protocol]],
  ['Authorization beside a bearer subprotocol', [...bearer, 'Sec-WebSocket-Protocol', `v5.channel.k8s.io,${protocol}`]],
] as const) {
  t.test(`${what} is ambiguous`, async (t) => {
    t.throws(() => readCarrier(headers), { code: 'AmbiguousCredential', status: 400 })
  })
}

for (const value of [
  '', 'Bearer', 'Bearer ', 'bearer  x', ' Bearer x', 'Bearer x y', 'Bearer\tx', 'Bearer x ', 'Basic eDp5', 'Negotiate x', key,
  'Bearer ké', `Bearer ${key}, Bearer ${key}`,
]) {
  t.test(`Authorization ${JSON.stringify(value.slice(0, 20))} holds no key, and is not repeated`, async (t) => {
    t.throws(() => readCarrier(['Authorization', value]), { code: 'MissingKey', status: 401 })
    t.throws(() => readCarrier(['Authorization', value]), { message: /^the Authorization header must read: Bearer <API key>$/ })
  })
}

for (const encoded of ['', '!!!', 'YQ==', 'a', 'YR']) {
  t.test(`a bearer subprotocol of ${JSON.stringify(encoded)} holds no key`, async (t) => {
    const headers = ['Sec-WebSocket-Protocol', `base64url.bearer.authorization.k8s.io.${encoded}`]
    t.throws(() => readCarrier(headers), { code: 'MissingKey' })
  })
}

t.test('an empty X-API-Key holds no key', async (t) => {
  t.throws(() => readCarrier(['X-API-Key', '']), { code: 'MissingKey' })
})
