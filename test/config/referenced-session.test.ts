import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../../src/config/load.ts'
import { findMissing } from '../../src/config/referenced.ts'
import { formatFault } from '../../src/files/fault.ts'

const session = (username: string, password: string) => [
  'listen: { insecure: true }',
  'callers: { file: callers.yaml }',
  'clusters:',
  `  - { name: a, server: "https://x", credential: { oauthSession: { username: ${username}, password: ${password} } } }`,
].join('\n')

t.test('what a session refers to and is not there is told, by its field', async (t) => {
  const folder = t.testdir({ password: 'x' })
  const missing = async (username: string, password: string, env: Record<string, string> = {}) => {
    const { config, faults } = readConfig(join(folder, 'f.yaml'), session(username, password))
    t.strictSame(faults, [])
    if (config === undefined) throw new Error('no config')
    return (await findMissing(config, { env })).map(({ path, message }) => `${path.join('.')}: ${message}`)
  }
  const at = 'clusters.0.credential.oauthSession'
  t.strictSame(await missing('{ fromEnv: USERNAME }', '{ fromFile: password }', { USERNAME: 'u' }), [])
  t.strictSame(await missing('{ fromEnv: USERNAME }', '{ fromFile: gone }'), [
    `${at}.username.fromEnv: USERNAME is not set`, `${at}.password.fromFile: ${join(folder, 'gone')} does not exist`,
  ])
})

t.test('a password in the config itself is a fault that says where it belongs, and does not repeat it', async (t) => {
  for (const [field, value] of [['password', '{ value: S3cret }'], ['password', '{ password: S3cret }'], ['password', 'S3cret'], ['username', '{ password: S3cret }']]) {
    const [username, password] = field === 'password' ? ['{ fromEnv: U }', value] : [value, '{ fromEnv: P }']
    const faults = readConfig('f.yaml', session(username ?? '', password ?? '')).faults.map(formatFault).join('\n')
    t.match(faults, new RegExp(`oauthSession\\.${field}`))
    t.notMatch(faults, /S3cret/)
    if (value?.startsWith('{')) t.match(faults, /a password does not belong into the config: name a file with fromFile or a variable with fromEnv/)
  }
})
