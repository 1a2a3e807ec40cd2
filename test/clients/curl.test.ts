// curl, as people paste it: over HTTP/1.1 and HTTP/2, with both headers that carry a key.
import { execFile } from 'node:child_process'
import t from 'tap'
import { startSampleBehindProxy } from '../support/sample-behind-proxy.ts'

const cluster = await startSampleBehindProxy(t)
const { admin, reader, server, caFile } = cluster

function curl(path: string, ...args: string[]): Promise<{ code: number, stdout: string, stderr: string }> {
  return new Promise((resolve) => {
    execFile('curl', ['-sS', '--max-time', '20', '--cacert', caFile, ...args, `${server}${path}`], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

const available = await new Promise<boolean>((resolve) => execFile('curl', ['--version'], (error) => resolve(error === null)))

for (const protocol of ['--http1.1', '--http2']) {
  t.test(`curl ${protocol}`, async (t) => {
    if (!available) return t.pass('there is no curl on this machine; the other clients show the same')
    const bearer = ['-H', `Authorization: Bearer ${reader.key}`]
    const list = await curl('/api/v1/namespaces/team-a/pods', protocol, ...bearer)
    t.equal((JSON.parse(list.stdout) as { kind: string }).kind, 'PodList', list.stderr)
    const apiKey = await curl('/api/v1/namespaces/team-a/pods/web-0', protocol, '-H', `X-API-Key: ${reader.key}`)
    t.match(JSON.parse(apiKey.stdout), { kind: 'Pod', metadata: { name: 'web-0' } })

    const none = await curl('/api/v1/namespaces/team-a/pods', protocol, '-i')
    t.match(none.stdout, /^HTTP\/[\d.]+ 401/)
    t.match(none.stdout, /www-authenticate: Bearer realm="portcullis"/i)
    t.match(JSON.parse(none.stdout.slice(none.stdout.indexOf('{'))), {
      kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Unauthorized', code: 401, details: { causes: [{ reason: 'MissingKey' }] },
    })
    const denied = await curl('/api/v1/namespaces/team-b/pods', protocol, ...bearer, '-w', '%{http_code}')
    t.match(denied.stdout, /ScopeDenied.*403$/s)

    const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `by-curl${protocol.slice(2, 7)}` }, data: { text: 'x'.repeat(100_000) } })
    const created = await curl('/api/v1/namespaces/team-a/configmaps', protocol, '-H', `Authorization: Bearer ${admin.key}`, '-H', 'Content-Type: application/json', '-H', 'Expect: 100-continue', '--data-binary', body)
    t.match(JSON.parse(created.stdout), { kind: 'ConfigMap' }, created.stderr)
    const watch = await curl('/api/v1/namespaces/team-a/pods?watch=true&timeoutSeconds=1', protocol, '-N', ...bearer)
    t.match(watch.stdout, /"type":"ADDED"/)
    t.equal(watch.code, 0, 'a watch that upstream ends, ends well')
    const head = await curl('/api/v1/namespaces/team-a/pods/web-0', protocol, '-I', ...bearer)
    t.match(head.stdout, /^HTTP\/[\d.]+ 200/)
  })
}
