import type { Answer, Call } from './answer.ts'
import { uncached } from './answer.ts'
import type { KubeObject } from './json.ts'
import { list, text } from './json.ts'
import { read } from './reads.ts'
import { badRequest } from './status.ts'
import type { Target } from './target.ts'
import type { World } from './world.ts'

/** The container a query names, or the only one. */
export function containerOf(pod: KubeObject, query: URLSearchParams): string {
  const names = list(pod, 'spec', 'containers').map((container) => text(container, 'name'))
  const named = query.get('container') ?? ''
  if (named === '' && names.length > 1) {
    throw badRequest(`a container name must be specified for pod ${pod.metadata.name}, choose one of: [${names.join(' ')}]`)
  }
  if (named !== '' && !names.includes(named)) throw badRequest(`container ${named} is not valid for pod ${pod.metadata.name}`)
  return named || (names[0] ?? '')
}

/** All containers of a pod write into one log. */
export function logAnswer(world: World, call: Call, target: Target): Answer {
  const pod = read(world, target)
  containerOf(pod, call.query)
  const number = (name: string) => {
    const value = call.query.get(name)
    if (value !== null && !/^\d+$/.test(value)) throw badRequest(`invalid ${name}: ${value}`)
    return value === null ? undefined : Number(value)
  }
  const seconds = number('sinceSeconds')
  const request = {
    follow: call.query.get('follow') === 'true',
    timestamps: call.query.get('timestamps') === 'true',
    tail: number('tailLines') ?? Number.POSITIVE_INFINITY,
    since: seconds === undefined ? 0 : world.clock() - seconds * 1000,
  }
  return {
    status: 200,
    headers: { ...uncached, 'content-type': 'text/plain' },
    body: (signal) => world.logs.read(pod.metadata.uid, request, signal),
  }
}
