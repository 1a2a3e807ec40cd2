import { join } from 'node:path'
import t from 'tap'
import { defaultConfigFile } from '../../src/config/default-file.ts'

t.test('the first file that is there is meant, and where none is, that is said', async (t) => {
  const folder = t.testdir({ b: '', c: '' })
  const [a, b, c] = ['a', 'b', 'c'].map(name => join(folder, name)) as [string, string, string]
  t.equal(await defaultConfigFile([a, b, c]), b)
  await t.rejects(defaultConfigFile([a]), /no config: .*--config/)
})
