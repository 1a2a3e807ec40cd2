import { join } from 'node:path'
import t from 'tap'
import { defaultConfigFile } from '../../src/config/default-file.ts'

const pod = { KUBERNETES_SERVICE_HOST: '10.0.0.1' }

t.test('the first file that is there is meant, in a pod too, and where none is, that is said', async (t) => {
  const folder = t.testdir({ b: '', c: '' })
  const [a, b, c] = ['a', 'b', 'c'].map(name => join(folder, name)) as [string, string, string]
  t.equal(await defaultConfigFile({}, [a, b, c]), b)
  t.equal(await defaultConfigFile(pod, [a, b, c]), b)
  await t.rejects(defaultConfigFile({}, [a]), /no config: .*--config/)
})

t.test('in a pod and without a file, the folder of the last place is meant', async (t) => {
  const folder = t.testdir({})
  t.equal(await defaultConfigFile(pod, ['./no.yaml', join(folder, 'portcullis.yaml')]), `${folder}/`)
})
