import t from 'tap'
import { findSecrets } from '../../src/config/secrets.ts'
import { makeAuthority } from '../support/certificates.ts'
import { keyFor } from '../support/keys.ts'

const jwt = `eyJhbGciOiJSUzI1NiJ9.${'a'.repeat(40)}.c2lnbmF0dXJl`
const { cert, key } = makeAuthority().issue()
const base64 = (text: string) => Buffer.from(text).toString('base64')

const secrets: Readonly<Record<string, string>> = {
  'a JWT': jwt,
  'a JWT in a header': `Bearer ${jwt}`,
  'a JWT in base64, as in a Secret': base64(jwt),
  'a JWT in base64 over lines': base64(jwt).replace(/.{30}/g, '$&\n'),
  'an OpenShift token': 'sha256~0123456789abcdefghijABCDEFGHIJ_-',
  'a token of Vault': 'hvs.CAESIJ0123456789abcdefghij',
  'a private key': key,
  'a private key in base64': base64(key),
  'an API key': keyFor('k7Q2mX9a').key,
  'an API key in base64': base64(keyFor('k7Q2mX9a').key),
  'a password in a URL': 'https://user:pass@api.example',
}

t.test('a secret is found by its form wherever it stands, and is not repeated', async (t) => {
  for (const [name, secret] of Object.entries(secrets)) {
    const found = findSecrets({ clusters: [{ name: secret, credential: { exec: { command: 'x', args: ['a', secret], env: [{ name: 'A', value: secret }] } } }] })
    t.strictSame(found.map(({ path }) => path.join('.')), [
      'clusters.0.name', 'clusters.0.credential.exec.args.1', 'clusters.0.credential.exec.env.0.value',
    ], name)
    t.match(found.map(({ message }) => message), [/tokenFile: … }, or into the environment .*; a password with { oauthSession: { password: { fromFile: … } } }$/, /a file that the plugin reads/, /the environment of Portcullis/])
    t.notOk(found.some(({ message }) => message.includes(secret)))
  }
})

t.test('what only looks odd is none', async (t) => {
  for (const text of [
    cert, base64(cert), 'https://user@api.example:6443/path', 'spiffe://cluster/ns/a', 'sha256~short', 'pcl_k7Q2mX9a', '/var/run/secrets/token', 'x'.repeat(100),
    'a.b.c', 'system:serviceaccount:a:b', '353bb4bfb005dadfbd79334e12573a1ce0ad072bce7d9a5971178df01befd5d0',
  ]) {
    t.strictSame(findSecrets({ a: [text] }), [], text.slice(0, 40))
  }
})

const plugin = (exec: object) => findSecrets({ credential: { exec } }).map(({ path }) => path.slice(2).join('.'))

t.test('an opaque secret of a plugin is found by the name of its flag or variable', async (t) => {
  t.strictSame(plugin({ args: ['--token=opaque1', '--client-secret', 'opaque2', '-password=opaque3', '--oidc-client-secret=opaque4', '--api-key', 'opaque5'] }),
    ['args.0', 'args.2', 'args.3', 'args.4', 'args.6'])
  t.strictSame(plugin({ env: [{ name: 'VAULT_TOKEN', value: 'opaque1' }, { name: 'AWS_SECRET', value: 'opaque2' }, { name: 'password', value: 'opaque3' }] }),
    ['env.0.value', 'env.1.value', 'env.2.value'])
  t.strictSame(plugin({ args: [`--token=${jwt}`] }), ['args.0'], 'once')
})

t.test('where a secret is, how it is cached, and what has no value are no secrets', async (t) => {
  t.strictSame(plugin({
    args: [
      'get-token', '--token-file=/x/token', '--token=/x/token', '--token', './token', '--token', '--force-refresh', '--token-audience', 'sts.example', '--token=', '--refresh-token=false',
      'eks', 'get-token', '--cluster-name', 'prod-cluster', '--secret-name=projects/1/secrets/x', '--token=https://sts.example/token',
    ],
    env: [
      { name: 'VAULT_TOKEN_FILE', value: 'vault-token' }, { name: 'VAULT_TOKEN', value: '/x/token' }, { name: 'AWS_PROFILE', value: 'production' }, { name: 'TOKEN', value: '' },
      { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: '/x' }, { name: 'TOKENS', value: 'whatever' }, null, 'x', { name: 1, value: 2 },
    ],
  }), [])
  t.strictSame(plugin({ args: 'x', env: null }), [])
  t.strictSame(findSecrets({ exec: null, other: { args: ['--token=opaque1'] } }), [], 'and of nothing else than a plugin')
})
