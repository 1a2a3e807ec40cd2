import { join } from 'node:path'
import t from 'tap'
import { checkCommand } from '../../src/cli/check.ts'

const config = `
listen: { insecure: true }
clusters: [{ name: prod, server: "https://prod.invalid", credential: { tokenEnv: T } }]
`
const rules = [{ nonResourceURLs: ['/x'], verbs: ['get'] }]
const jwt = { issuer: 'https://ci.invalid', audience: 'p', claims: { sub: 'x' } }
const callers = JSON.stringify({ callers: [
  { name: 'gone', rules, jwt: { ...jwt, jwksFile: 'gone.json' } },
  { name: 'private', rules, jwt: { ...jwt, jwksFile: 'private.json' } },
  { name: 'web', rules, jwt: { ...jwt, jwksUri: 'https://ci.invalid/jwks' } },
  { name: 'cert', rules, clientCertificate: { subjectAltName: 'DNS:x' } },
] })

t.test('check warns of a file of keys that cannot be used, and of certificates that nobody asks for; it fetches nothing', async (t) => {
  const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': callers, 'private.json': '{"keys":[{"kty":"RSA","n":"x","e":"AQAB","d":"x"}]}' })
  let out = ''
  const stdout = { write: (text: string, done?: () => void) => {
    out += text
    done?.()
    return true
  } }
  const code = await checkCommand({ configFile: join(folder, 'p.yaml') }, { stdout: stdout as never, env: { T: 'x' }, now: Date.now, askWithin: 1 })
  t.equal(code, 0)
  t.match(out, /caller gone: its jwksFile cannot be used: the file .*gone.json does not exist/)
  t.match(out, /caller private: its jwksFile cannot be used: .*private.json holds a private key/)
  t.match(out, /listen.*warning: has no clientCaFile.*: cert\n/)
  t.notMatch(out, /caller web: its/)
})
