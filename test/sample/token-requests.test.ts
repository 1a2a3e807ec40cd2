import { decodeJwt } from 'jose'
import t from 'tap'
import { startSample } from '../support/sample.ts'

const path = '/api/v1/namespaces/portcullis/serviceaccounts/portcullis/token'
const start = Date.parse('2026-11-21T12:00:00Z')
const request = (spec: object = {}) => ({ body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec } })
const bearer = (token: unknown) => ({ headers: { authorization: `Bearer ${String(token)}` } })

t.test('a token is made, says what it is, and is let in as its account until it ends', async (t) => {
  const clock = { time: start }
  const { call } = await startSample(t, { clock: () => clock.time })
  const { status, json } = await call('POST', path, request({ expirationSeconds: 600 }))
  t.equal(status, 201)
  t.match(json, {
    kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', metadata: { name: 'portcullis', namespace: 'portcullis' },
    spec: { expirationSeconds: 600, audiences: ['https://sample.invalid'] }, status: { expirationTimestamp: '2026-11-21T12:10:00Z' },
  })
  const { token } = json.status as { token: string }
  t.match(decodeJwt(token), {
    iss: 'https://sample.invalid', aud: ['https://sample.invalid'], iat: start / 1000, exp: start / 1000 + 600, sub: 'system:serviceaccount:portcullis:portcullis',
    'kubernetes.io': { namespace: 'portcullis', serviceaccount: { name: 'portcullis', uid: /./ } },
  })
  t.equal((await call('GET', '/version', bearer(token))).status, 200)
  t.equal((await call('GET', '/version', { headers: { authorization: token } })).status, 401, 'as a bearer token alone')
  clock.time = start + 599_999
  t.equal((await call('GET', '/version', bearer(token))).status, 200)
  clock.time = start + 600_000
  t.equal((await call('GET', '/version', bearer(token))).status, 401)
})

t.test('it lives an hour unless asked otherwise, and never longer than the cluster lets it', async (t) => {
  const lives = async (options: object, spec: object) => {
    const { call } = await startSample(t, { clock: () => start, ...options })
    const { iat = 0, exp = 0 } = decodeJwt(((await call('POST', path, request(spec))).json.status as { token: string }).token)
    return exp - iat
  }
  t.equal(await lives({}, {}), 3600)
  t.equal(await lives({}, { expirationSeconds: 7200 }), 7200)
  t.equal(await lives({ maxTokenLifetime: 1250 }, { expirationSeconds: 600 }), 1.25)
})

t.test('a token for others, or of an account that was deleted, lets nobody in', async (t) => {
  const { call } = await startSample(t)
  const minted = async (spec: object) => ((await call('POST', path, request(spec))).json.status as { token: string }).token
  t.equal((await call('GET', '/version', bearer(await minted({ audiences: ['vault'] })))).status, 401)
  t.equal((await call('GET', '/version', bearer(await minted({ audiences: ['vault', 'https://sample.invalid'] })))).status, 200)

  const before = await minted({})
  const account = '/api/v1/namespaces/portcullis/serviceaccounts'
  await call('DELETE', `${account}/portcullis`)
  t.equal((await call('GET', '/version', bearer(before))).status, 401)
  t.equal((await call('POST', path, request())).status, 404)
  await call('POST', account, { body: { metadata: { name: 'portcullis' } } })
  t.equal((await call('GET', '/version', bearer(before))).status, 401, 'another of the same name is another')
  t.equal((await call('GET', '/version', bearer(await minted({})))).status, 200)
})

t.test('what cannot be made is refused', async (t) => {
  const { call } = await startSample(t)
  t.equal((await call('GET', path)).status, 405)
  t.equal((await call('POST', path, { body: { kind: 'Pod' } })).status, 400)
  t.equal((await call('POST', path.replace('namespaces/portcullis', 'namespaces/%zz'), request())).status, 400)
  t.match((await call('POST', path, request({ expirationSeconds: 599 }))).json, { code: 422, reason: 'Invalid', message: /may not specify a duration less than 10 minutes$/ })
})

t.test('it is listed as the API server lists it', async (t) => {
  const { call } = await startSample(t)
  const { resources } = (await call('GET', '/api/v1')).json as { resources: { name: string }[] }
  t.strictSame(resources.find(({ name }) => name === 'serviceaccounts/token'), {
    name: 'serviceaccounts/token', singularName: '', namespaced: true, group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest', verbs: ['create'],
  })
})

t.test('whom it lets in, and to what, may be decided by others', async (t) => {
  const { call } = await startSample(t, {
    authenticate: authorization => authorization === 'Bearer jane' ? 'jane' : undefined,
    authorize: (user, method, path) => user !== 'jane' || (method === 'POST' && path.endsWith('reviews')),
  })
  t.equal((await call('GET', '/version')).status, 401, 'the token is not asked about then')
  const who = await call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { body: {}, ...bearer('jane') })
  t.match(who.json, { status: { userInfo: { username: 'jane', groups: ['system:authenticated'] } } })
  t.match((await call('GET', '/version?x=y', bearer('jane'))).json, { code: 403, reason: 'Forbidden', message: 'forbidden: User "jane" cannot get path "/version"' })
})
