import t from 'tap'
import { createRedactor, redactKnown, redactSecrets } from '../../src/redaction/redact.ts'
import { keyFor } from '../support/keys.ts'

const { key } = keyFor('k7Q2mX9a')
const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl'

const rows: [string, string, string][] = [
  ['an API key', `with ${key} in it`, 'with pcl_k7Q2mX9a_[redacted] in it'],
  ['a piece of a key', key.slice(0, 30), 'pcl_k7Q2mX9a_[redacted]'],
  ['a key in base64', `x ${Buffer.from(key).toString('base64')} y`, 'x [redacted] y'],
  ['a bearer token', 'Authorization: Bearer opaque/token+1==', 'Authorization: Bearer [redacted]'],
  ['a lower-case bearer', 'bearer abcdef', 'bearer [redacted]'],
  ['an encrypted private key', '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB\n\nMIIE\n-----END RSA PRIVATE KEY----- x', '[redacted] x'],
  ['basic credentials', 'Basic dXNlcjpwYXNz', 'Basic [redacted]'],
  ['prose about bearers', 'send it as Authorization: Bearer <key>; a bearer token', 'send it as Authorization: Bearer <key>; a bearer token'],
  ['a challenge', 'Bearer realm="portcullis"', 'Bearer realm="portcullis"'],
  ['the WebSocket subprotocol', `base64url.bearer.authorization.k8s.io.${Buffer.from('opaque').toString('base64url')}`, 'base64url.bearer.authorization.k8s.io.[redacted]'],
  ['a JWT', `x=${jwt},`, 'x=[redacted],'],
  ['an OpenShift token', 'sha256~aB-c_d.', 'sha256~[redacted].'],
  ['a flag', 'kubectl --token=abc get pods', 'kubectl --token=[redacted] get pods'],
  ['a flag and its value apart', 'oc login --password abc -u x', 'oc login --password [redacted] -u x'],
  ['a variable', 'env DB_PASSWORD=abc PATH=/bin', 'env DB_PASSWORD=[redacted] PATH=/bin'],
  ['a field', '{"token":"abc","x":1}', '{"token":"[redacted]","x":1}'],
  ['a field with escapes', '{"access_token": "a\\"b\\\\","x":1}', '{"access_token": "[redacted]","x":1}'],
  ['a field of JSON within a string', '{"body":"{\\"token\\":\\"abc\\"}"}', '{"body":"{\\"token\\":\\"[redacted]\\"}"}'],
  ['a flat header array', '["Host","x","Authorization","opaque","X-API-Key","abc","Cookie","a=b"]', '["Host","x","Authorization","[redacted]","X-API-Key","[redacted]","Cookie","[redacted]"]'],
  ['a value that is such a word', '{"name":"token","apiVersion":"v1"}', '{"name":"token","apiVersion":"v1"}'],
  ['a private key', 'x -----BEGIN EC PRIVATE KEY-----\nMHcCAQ/+=\n-----END EC PRIVATE KEY----- y', 'x [redacted] y'],
  ['a private key in JSON, cut off', '{"a":"-----BEGIN PRIVATE KEY-----\\nMHcCAQ\\"","b":1}', '{"a":"[redacted]","b":1}'],
  ['a certificate', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'],
  ['plain text', 'GET /api/v1/namespaces/a/secrets 200', 'GET /api/v1/namespaces/a/secrets 200'],
]

for (const [name, text, expected] of rows) {
  t.test(`redaction: ${name}`, async (t) => {
    t.equal(redactSecrets(text), expected)
    t.equal(redactSecrets(expected), expected, 'and once more changes nothing')
  })
}

t.test('what is known to be secret is taken out wherever it stands', async (t) => {
  const known = ['s3cr3t-opaque-value', 's3cr3t']
  t.equal(redactKnown('a s3cr3t-opaque-value, as3cr3tb and s3cr3', known), 'a [redacted], a[redacted]b and s3cr3')
  t.equal(redactKnown('$& s3cr3t', known), '$& [redacted]')
  t.equal(redactKnown('nothing of it', known), 'nothing of it')
})

t.test('known ones go before any pattern takes a piece of them', async (t) => {
  let known: readonly string[] = []
  const redact = createRedactor(() => known)
  t.equal(redact('got password=left&right back'), 'got password=[redacted]&right back')
  known = ['password=left&right']
  t.equal(redact('got password=left&right back, and sha256~x'), 'got [redacted] back, and sha256~[redacted]', 'and what is known may change')
})
