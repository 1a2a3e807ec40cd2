import { createHash } from 'node:crypto'
import t from 'tap'
import { cleanStderr } from '../../src/credentials/exec-stderr.ts'

const kept: readonly string[] = [
  'cannot open /home/runner/.kube/cache/oidc-login/v1beta1/config.json: permission denied',
  'exec: /usr/local/lib/python3.11/site-packages/awscli/customizations/eks/get_token.py failed',
  'dial tcp: lookup sts.eu-west-1.amazonaws.com on 10.96.0.10: no such host',
  'Get "https://oidc.eks.eu-west-1.amazonaws.com/openid/v1/keys": context deadline exceeded',
  'no route to ip-10-0-12-34.eu-west-1.compute.internal',
  'reading /var/run/secrets/kubernetes.io/serviceaccount2/token: no such file',
  'client.authentication.k8s.io/v1beta1 is deprecated',
  'node_modules/.pnpm/openid-client5/build/index.js:12',
  'NoCredentialProviders: no valid providers in chain, status code: 403',
  'arn:aws:iam::123456789012:role/tools/portcullis-reader-2',
  'at 2026-11-21T12:00:00.123Z version v1.29.3 built 20261121',
]

t.test('words, paths and host names are left', async (t) => {
  for (const line of kept) t.equal(cleanStderr(line, []), line)
})

const rows: readonly [what: string, stderr: string, clean: string][] = [
  ['a key with slashes', 'AWS says wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY no', 'AWS says [redacted] no'],
  ['a token in parts', 'wrapped abcDEF12345.ghiJKL67890.mnoPQR13579, ok', 'wrapped [redacted], ok'],
  ['a token of words and one part that is none', 'got hvs.token.CAESIJ7p0Yl5nG3dR8w', 'got [redacted]'],
  ['a bootstrap token', 'join abcdef.0123456789abcdef now', 'join [redacted] now'],
  ['one that is percent-encoded', 'id=wJalrXUtnFEMI%2FK7MDENG%2FbPxRfi', '[redacted]'],
  ['one that begins like a path', '/q3Fb9/ZkP2mV8xT1/uYw7Rj4', '[redacted]'],
  ['one in a path', 'no /cache/8f14e45fceea167a5a36dedd4bea2543/x', 'no [redacted]'],
  ['one behind a host', 'GET https://login.example/72f988bf-86f1-41af-91ab-2d7cd011db47/token', 'GET https://login.example[redacted]'],
  ['one that is a host', 'GET https://q3Fb9ZkP2mV8xT1uYw7.example/v1', 'GET https:[redacted]'],
  ['one in one part', 'got CAESIJ7p0Yl5nG3dR8wqXkT2', 'got [redacted]'],
  ['one in groups', 'recovery key ABCD-1234-EF56-GH78-IJ90', 'recovery key [redacted]'],
  ['a known one', 'the pass word is hunter2', 'the pass word is [redacted]'],
]

for (const [what, stderr, clean] of rows) {
  t.test(`of ${what} nothing is left`, async (t) => {
    t.equal(cleanStderr(stderr, ['hunter2']), clean)
  })
}

t.test('of secrets as chance makes them nothing is left, whatever their alphabet', async (t) => {
  for (let turn = 0; turn < 300; turn += 1) {
    const bytes = createHash('sha384').update(String(turn)).digest()
    for (const secret of [bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex'), `${bytes.toString('hex').slice(0, 30)}.${bytes.toString('base64')}`]) {
      t.equal(cleanStderr(`gave ${secret} away`, []), 'gave [redacted] away')
    }
  }
})

t.test('much text takes no long time', async (t) => {
  const begun = performance.now()
  for (const piece of ['a/', 'a1.', '//a', 'A-1/', ':', 'aA']) cleanStderr(piece.repeat(8192), [])
  t.ok(performance.now() - begun < 2000)
})
