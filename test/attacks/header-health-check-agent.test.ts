// A health checker's User-Agent is no credential (oauth2-proxy and others once let it pass).
import t from 'tap'
import { everyWay, startTarget } from '../support/attack-target.ts'

const target = await startTarget(t)

for (const way of everyWay) {
  t.test(`${way}: a prober without a key is 401 everywhere`, async (t) => {
    for (const agent of ['kube-probe/1.30', 'GoogleHC/1.0', 'ELB-HealthChecker/2.0', '']) {
      for (const path of ['/api/v1/secrets', '/healthz', '/livez', '/readyz', '/metrics', '/', '/version', '/api']) {
        await target.refused(t, way, { key: null, target: path, headers: ['User-Agent', agent] }, { status: 401, code: 'MissingKey' }, `${agent} ${path}`)
      }
    }
  })
}

t.test('no sink holds a secret', (t) => target.silentSinks(t))
