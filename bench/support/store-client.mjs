// Callers and scopes as an administrator writes them: objects in the cluster, by its own API.
import { setTimeout as delay } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { parse } from 'yaml'
import { definitionFiles } from '../../dist/callers/kubernetes/definitions.js'

/** A way to the API server at `url` with a token that may do all of this. */
export function createStoreClient({ url, ca, token, namespace }) {
  const agent = new Agent({ connect: { ca } })
  const pathOf = (plural, name) => `/apis/portcullis.dev/v1alpha1/namespaces/${namespace}/${plural}${name === undefined ? '' : `/${name}`}`
  const call = async (method, path, body, type = 'application/json') => {
    const { statusCode, body: answer } = await request(`${url}${path}`, {
      method, dispatcher: agent, headers: { authorization: `Bearer ${token}`, 'content-type': type }, body: body === undefined ? null : JSON.stringify(body),
    })
    return { status: statusCode, text: await answer.text() }
  }
  const done = async (...args) => {
    const { status, text } = await call(...args)
    if (status > 299 && status !== 409) throw new Error(`${args[0]} ${args[1]}: ${status} ${text}`)
  }
  return {
    async install() {
      await done('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
      for (const text of Object.values(definitionFiles())) await done('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', parse(text))
      for (const plural of ['callers', 'scopes']) while ((await call('GET', pathOf(plural))).status !== 200) await delay(50)
    },
    create: (plural, name, spec) => done('POST', pathOf(plural), {
      apiVersion: 'portcullis.dev/v1alpha1', kind: plural === 'callers' ? 'Caller' : 'Scope', metadata: { name }, spec,
    }),
    patch: (plural, name, spec) => done('PATCH', pathOf(plural, name), { spec }, 'application/merge-patch+json'),
    stop: () => agent.close(),
  }
}
