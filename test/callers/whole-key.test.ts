import t from 'tap'
import { readEntries } from '../../src/callers/entries.ts'
import { formatFault } from '../../src/files/fault.ts'
import { keyFor } from '../support/keys.ts'

const { id, key, sha256 } = keyFor('k7Q2mX9a')
const good = `callers:\n  - name: ci\n    keys: [{ id: ${id}, sha256: ${sha256} }]\n`

t.test('a whole key is a fault wherever it stands, in a comment too, and is not repeated', async (t) => {
  for (const [text, place] of [
    [`${good}# ci has ${key}\n`, '4:10'],
    [good.replace('name: ci', `name: ci # ${key}`), '2:16'],
    [good.replace(`sha256: ${sha256}`, `sha256: ${sha256}, key: ${key}`), '3:107'],
    [good.replace('name: ci', `name: "${key}"`), '2:12'],
    [`${key}: x\n${good}`, '1:1'],
    [`callers: [ ${key}\n`, '1:12'],
  ] as const) {
    const faults = readEntries('callers.yaml', text).faults.map(formatFault)
    t.ok(faults.some((fault) => fault.startsWith(`callers.yaml:${place} a whole API key stands here`)), `${place}: ${faults.join(' | ')}`)
    t.notOk(faults.some((fault) => fault.includes(key)), place)
  }
})

t.test('ids and digests of keys are none', async (t) => {
  t.strictSame(readEntries('callers.yaml', `${good}# pcl_${id}_… is the key of ci\n`).faults, [])
})
