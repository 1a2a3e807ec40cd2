import t from 'tap'
import { detectOpenshift } from '../../src/clusters/openshift.ts'
import { ProxyError } from '../../src/errors.ts'
import { clusterFor } from '../support/cluster-builders.ts'
import { startUpstream } from '../support/recording-upstream.ts'

/** Resolves once the questions so far were answered and understood. */
async function settled(asked: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(asked)
  await new Promise((resolve) => { setImmediate(resolve) })
}

function asking(answers: (number | Error)[]) {
  const asked: Promise<{ status: number, headers: string[], body: Buffer }>[] = []
  const fetch = () => {
    const answer = answers.shift() ?? 200
    const fetched = answer instanceof Error ? Promise.reject(answer) : Promise.resolve({ status: answer, headers: [], body: Buffer.alloc(0) })
    asked.push(fetched)
    return fetched
  }
  return { fetch, asked }
}

t.test('an API server that serves security.openshift.io is OpenShift, one that does not is not', async (t) => {
  const upstream = await startUpstream(t)
  const cluster = clusterFor(t, upstream, { openshift: 'auto' })
  t.equal(cluster.facts().openshift, true, 'the stricter answer until it is known')
  t.equal((await upstream.nextRequest()).target, '/apis/security.openshift.io')

  const { fetch, asked } = asking([404])
  const detection = detectOpenshift({ fetch })
  t.teardown(() => detection.close())
  t.equal(detection.current(), true)
  await settled(asked)
  t.equal(detection.current(), false)
})

t.test('whatever is neither yes nor no leaves it unknown, and is asked again ever more slowly', async (t) => {
  const waits: number[] = []
  const pending: (() => void)[] = []
  t.intercept(globalThis, 'setTimeout', {
    value: (run: () => void, wait: number) => {
      waits.push(wait)
      pending.push(run)
      return { unref() {} }
    },
  })
  const { fetch, asked } = asking([403, new ProxyError('UpstreamUnreachable', 'down'), 503, 404, 200])
  const detection = detectOpenshift({ fetch })
  for (const [status, openshift] of [[403, true], ['down', true], [503, true], [404, false], [200, true]] as const) {
    await settled(asked)
    t.equal(detection.current(), openshift, String(status))
    pending.shift()?.()
  }
  t.strictSame(waits, [1000, 2000, 4000, 600_000], 'a no is asked again too, a yes never')
  t.equal(asked.length, 5)
})

t.test('closing stops asking', async (t) => {
  const timers: unknown[] = []
  t.intercept(globalThis, 'setTimeout', { value: (run: unknown) => { timers.push(run); return { unref() {} } } })
  let aborted = false
  const detection = detectOpenshift({
    fetch: (_, __, options) => new Promise((_, reject) => {
      options?.signal?.addEventListener('abort', () => { aborted = true; reject(new Error('gone')) })
    }),
  })
  detection.close()
  t.equal(aborted, true)
  await settled([])
  t.strictSame(timers, [])
})
