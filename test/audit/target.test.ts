import t from 'tap'
import { hideInTarget } from '../../src/audit/target.ts'

const key = 'pcl_k7Q2mX9a_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg2pZTdb'
const hidden = 'pcl_k7Q2mX9a_[redacted]'

const rows: [string, string, string][] = [
  ['a plain target stays', '/api/v1/pods?watch=true&limit=500', '/api/v1/pods?watch=true&limit=500'],
  ['what is escaped stays as it was escaped', '/api/v1/pods?labelSelector=app%3Dweb%2Cx+y', '/api/v1/pods?labelSelector=app%3Dweb%2Cx+y'],
  ['a continue token is no credential', '/api/v1/pods?continue=eyJ2Ijoi', '/api/v1/pods?continue=eyJ2Ijoi'],
  ['access_token', '/api?access_token=abc&x=1', '/api?access_token=[redacted]&x=1'],
  ['token, in any case', '/api?x=1&TOKEN=abc', '/api?x=1&TOKEN=[redacted]'],
  ['an escaped name', '/api?%74oken=abc', '/api?%74oken=[redacted]'],
  ['a doubly escaped name', '/api?%2574oken=abc', '/api?%2574oken=[redacted]'],
  ['after a semicolon', '/api?a=1;token=abc', '/api?a=1;token=[redacted]'],
  ['after a second question mark', '/api?a=1?token=abc', '/api?a=1?token=[redacted]'],
  ['an OAuth code', '/cb?code=abc&state=1', '/cb?code=[redacted]&state=1'],
  ['an empty value', '/api?token=&x', '/api?token=&x'],
  ['the secret of a build webhook', '/apis/build.openshift.io/v1/namespaces/a/buildconfigs/x/webhooks/hunter2/generic', '/apis/build.openshift.io/v1/namespaces/a/buildconfigs/x/webhooks/[redacted]/generic'],
  ['a short name of a password', '/x?pass=hunter2&pw=hunter2', '/x?pass=[redacted]&pw=[redacted]'],
  ['a password in a URL', '/x?url=postgres://u:hunter2@h/x', '/x?url=postgres://u:[redacted]@h/x'],
  ['a key in the path', `/api/v1/secrets/${key}`, `/api/v1/secrets/${hidden}`],
  ['a key in the query', `/api?x=${key}&y=1`, `/api?x=${hidden}&y=1`],
  ['a key without a name', `/api?${key}`, `/api?${hidden}`],
  ['a key, escaped', `/api?x=${key.replaceAll('_', '%5F')}`, `/api?x=${hidden}`],
  ['a key, escaped twice, in the path', `/x/${key.replace('p', '%2570')}`, `/x/${hidden}`],
  ['a flag with a value', '/exec?command=login&command=--token%3Dabc&tty=true', '/exec?command=login&command=--token%3D[redacted]&tty=true'],
  ['a flag, unescaped', '/exec?command=--token=abc', '/exec?command=--token=[redacted]'],
  ['a flag and its value apart', '/exec?command=--password&command=abc&command=x', '/exec?command=--password&command=[redacted]&command=x'],
  ['a flag and the flag after it', '/exec?command=--password-stdin&command=x', '/exec?command=--password-stdin&command=x'],
  ['a variable', '/exec?command=env&command=DB_PASSWORD%3Dabc', '/exec?command=env&command=DB_PASSWORD%3D[redacted]'],
  [
    'a header within a shell command', '/exec?command=sh&command=-c&command=curl+-H+%22Authorization%3A+Bearer+abcdef123%22+x',
    '/exec?command=sh&command=-c&command=curl%20-H%20%22Authorization%3A%20Bearer%20[redacted]%22%20x',
  ],
  ['an OpenShift token', '/x?y=sha256~abcDEF-123', '/x?y=sha256~[redacted]'],
  ['what oc logout deletes', '/apis/oauth.openshift.io/v1/oauthaccesstokens/abc?x=1', '/apis/oauth.openshift.io/v1/oauthaccesstokens/[redacted]?x=1'],
  ['a password before a host', 'http://user:abc@host/api', 'http://[redacted]@host/api'],
]

for (const [name, target, expected] of rows) {
  t.test(`of a target: ${name}`, async (t) => {
    t.equal(hideInTarget(target, []), expected)
    t.equal(hideInTarget(expected, []), expected, 'hiding twice changes nothing')
  })
}

t.test('a target made to be slow takes no time', async (t) => {
  const unit = 64 * 1024
  const slow = [
    `/?${'&'.repeat(unit)}`, `/?${'a'.repeat(unit)}`, `/?${'a=%'.repeat(unit / 3)}`, `/?x=${'-'.repeat(unit)}`, `/${'eyJ'.repeat(unit / 3)}`,
    `/?x=${'-eyJ-'.repeat(unit / 5)}`, `/?x=${'token'.repeat(unit / 5)}`, `/?x=${'--token '.repeat(unit / 8)}`, `/?x=${'bearer '.repeat(unit / 7)}`,
    `/?x=${'bearer'}${' '.repeat(unit)}`, `/?x=${'%25'.repeat(unit / 3)}`, `/?x=${'"token":"'.repeat(unit / 9)}`, `/?x=${'pcl_'.repeat(unit / 4)}`,
    `/?x=${'cGNsX'.repeat(unit / 5)}`, `/?x=${'sha256~'.repeat(unit / 7)}`, `/?${'command=--token&'.repeat(unit / 16)}`, `/?x=${'_token'.repeat(unit / 6)}`,
    `/?x="${'\\\\'.repeat(unit / 2)}`, `/?x=${'"token","'.repeat(unit / 9)}`, `${'a'.repeat(unit)}://`, `/?x=${'a.'.repeat(unit / 2)}token`,
    `/?x=${'-a'.repeat(unit / 2)}`, `/?x=${'%2525'.repeat(unit / 5)}`, `http://${':'.repeat(unit)}`,
  ]
  for (const target of slow) {
    // Of the processor: the machine may do other things as well.
    const began = process.cpuUsage()
    hideInTarget(target, [])
    const { user, system } = process.cpuUsage(began)
    const took = (user + system) / 1000
    t.ok(took < 400, `${target.slice(0, 12)} took ${took.toFixed(1)} ms`)
  }
})
