import type { Attributes } from '../model/attributes.ts'
import { findCaller, judgeIn, type Load } from './judge.ts'
import { groupOf } from './known-groups.ts'
import { messageOf, write, type Output } from './output.ts'

export interface CanIArgs {
  readonly caller?: string | undefined
  readonly verb?: string | undefined
  /** `RESOURCE[.GROUP][/NAME]`, or a path that begins with a slash. */
  readonly resource?: string | undefined
  /** Without one: cluster-scoped, or all namespaces. */
  readonly namespace?: string | undefined
  readonly subresource?: string | undefined
  readonly cluster?: string | undefined
}

export interface CanIDeps {
  readonly load: Load
  readonly stdout: Output
  readonly stderr: Output
}

/** `portcullis can-i`: one line, `yes` or `no` and why. Returns the exit code: 0 yes, 1 no or a fault, 2 wrong usage. */
export async function canICommand(args: CanIArgs, deps: CanIDeps): Promise<number> {
  const { caller, verb, resource, cluster } = args
  if (caller === undefined || verb === undefined || resource === undefined) {
    await write(deps.stderr, 'portcullis can-i: --caller, VERB and RESOURCE[/NAME] are needed\n')
    return 2
  }
  try {
    const known = await deps.load()
    const attributes = resource.startsWith('/') ? pathAttributes(verb, resource) : resourceAttributes(verb, resource, args)
    const question = { attributes, upgrade: false, contentType: undefined }
    const { allowed, reason } = judgeIn(findCaller(known, caller), known.clusterFacts(cluster), question)
    await write(deps.stdout, `${allowed ? 'yes' : 'no'} - ${reason}\n`)
    return allowed ? 0 : 1
  } catch (error) {
    await write(deps.stderr, `portcullis can-i: ${messageOf(error)}\n`)
    return 1
  }
}

function resourceAttributes(verb: string, text: string, { namespace = '', subresource = '' }: CanIArgs): Attributes {
  const [type = '', name = ''] = splitOnce(text, '/')
  const [resource, group] = splitOnce(type, '.')
  const apiGroup = group ?? groupOf(resource)
  return {
    isResourceRequest: true, path: '', verb, apiPrefix: apiGroup === '' ? 'api' : 'apis', apiGroup, apiVersion: '',
    namespace, resource, subresource, name,
  }
}

function pathAttributes(verb: string, path: string): Attributes {
  return {
    isResourceRequest: false, path, verb, apiPrefix: '', apiGroup: '', apiVersion: '',
    namespace: '', resource: '', subresource: '', name: '',
  }
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}
