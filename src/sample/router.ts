import type { Answer, Call } from './answer.ts'
import { failure, json, pageNotFound, plain } from './answer.ts'
import { discover } from './discovery.ts'
import { openApi } from './openapi.ts'
import { groupVersion } from './resource-type.ts'
import { resourceAnswer } from './resources.ts'
import { ApiError, badRequest } from './status.ts'
import type { World } from './world.ts'

const version = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.0-sample',
  gitCommit: '0000000000000000000000000000000000000000',
  gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: 'portcullis/sample',
}

/** Answers any request; what goes wrong is answered as a Status. */
export function answer(world: World, call: Call): Answer {
  try {
    return routed(world, call)
  } catch (error) {
    return failed(error)
  }
}

/** The Status of what went wrong; a fault of the sample itself is thrown on. */
export function failed(error: unknown): Answer {
  if (error instanceof ApiError) return failure(error)
  if (error instanceof URIError) return failure(badRequest('the path is not well-formed'))
  throw error
}

function routed(world: World, call: Call): Answer {
  const document = call.method === 'GET' || call.method === 'HEAD' ? documentAnswer(world, call) : undefined
  if (document !== undefined) return document
  return /^\/(apis?|oapi)\//.test(call.path) ? resourceAnswer(world, asGet(call)) : pageNotFound
}

/** HEAD is GET without the body, which the server leaves out itself. */
function asGet(call: Call): Call {
  return call.method === 'HEAD' ? { ...call, method: 'GET' } : call
}

function documentAnswer(world: World, call: Call): Answer | undefined {
  switch (call.path) {
    case '/':
      return json(200, { paths: pathsOf(world) })
    case '/version':
    case '/version/':
      return { ...json(200, version), body: `${JSON.stringify(version, null, 2)}\n` }
    case '/healthz':
    case '/livez':
    case '/readyz':
      return plain(200, 'ok')
    case '/metrics':
      return plain(200, metrics(world))
    default:
      return discover(call, world.types, world.address()) ?? openApi(call, world.types)
  }
}

function pathsOf(world: World): string[] {
  const versions = world.types.all().map((type) => `/${type.prefix}/${groupVersion(type)}`)
  return [...new Set(['/api', '/apis', ...versions, '/healthz', '/livez', '/metrics', '/openapi/v2', '/openapi/v3', '/readyz', '/version'])].sort()
}

function metrics({ store }: World): string {
  return [
    '# HELP sample_store_revision The revision of the last write.',
    '# TYPE sample_store_revision gauge',
    `sample_store_revision ${store.revision}`,
    '# HELP sample_namespaces How many namespaces there are.',
    '# TYPE sample_namespaces gauge',
    `sample_namespaces ${store.list('namespaces').length}`,
    '',
  ].join('\n')
}
