import t from 'tap'
import { createClusters } from '../../src/clusters/clusters.ts'
import { clusterFor, credentialOf } from '../support/cluster-builders.ts'

const nowhere = { url: 'https://api.example:6443', ca: '' }

t.test('clusters are found by name, the first without one', async (t) => {
  const [a, b] = [clusterFor(t, nowhere, { name: 'a' }), clusterFor(t, nowhere, { name: 'b' })]
  const clusters = createClusters([a, b])
  t.equal(clusters.find(undefined), a)
  t.equal(clusters.find('b'), b)
  t.equal(clusters.find('c'), undefined)
  t.equal(clusters.find('__proto__'), undefined)
  t.strictSame(clusters.all().map(({ name }) => name), ['a', 'b'])
})

t.test('a reload keeps what stays and closes what goes', async (t) => {
  const [kept, gone] = [credentialOf('a'), credentialOf('b')]
  const a = clusterFor(t, nowhere, { name: 'a', credential: kept })
  const clusters = createClusters([clusterFor(t, nowhere, { name: 'b', credential: gone }), a])
  await clusters.replace([a])
  t.equal(clusters.find(undefined), a)
  t.equal(clusters.find('b'), undefined)
  t.equal(gone.closed, true)
  t.equal(kept.closed, false)
  await clusters.destroy()
  t.equal(kept.closed, true)
  t.equal(clusters.find(undefined), undefined)
})
