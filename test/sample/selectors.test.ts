import t from 'tap'
import type { KubeObject } from '../../src/sample/json.ts'
import { fieldSelector, labelSelector } from '../../src/sample/selectors.ts'

const pod = {
  metadata: { name: 'web-0', namespace: 'team-a', uid: '', resourceVersion: '', creationTimestamp: '', labels: { app: 'web', tier: 'front' } },
  status: { phase: 'Running' },
} satisfies KubeObject

t.test('label selectors', async (t) => {
  const table: [selector: string, matches: boolean][] = [
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app=api', false],
    ['app!=api', true],
    ['missing!=x', true],
    ['app', true],
    ['missing', false],
    ['!missing', true],
    ['! app', false],
    ['app in (api, web)', true],
    ['app in (api)', false],
    ['app notin (api,db)', true],
    ['missing notin (a)', true],
    ['missing in (a)', false],
    ['app=web,tier in (front,back),!x', true],
    ['app=web,tier=back', false],
  ]
  for (const [selector, matches] of table) t.equal(labelSelector(selector)(pod), matches, selector)
  for (const bad of ['a=b=c', 'in (a)', 'app in web', '=x']) t.throws(() => labelSelector(bad), { code: 400 }, bad)
})

t.test('field selectors', async (t) => {
  const table: [selector: string, matches: boolean][] = [
    ['metadata.name=web-0', true],
    ['metadata.name==web-1', false],
    ['metadata.namespace=team-a,status.phase!=Pending', true],
    ['spec.nodeName=', true],
  ]
  for (const [selector, matches] of table) t.equal(fieldSelector(selector)(pod), matches, selector)
  for (const bad of ['metadata.name', 'spec.secret=1']) t.throws(() => fieldSelector(bad), { code: 400 }, bad)
})
