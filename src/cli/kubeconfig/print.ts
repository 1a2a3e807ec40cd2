import { stringify } from 'yaml'

export interface KubeconfigFacts {
  readonly caller: string
  /** As kubectl is to call it, `/clusters/<name>` and all. */
  readonly server: string
  /** Undefined: the default one. */
  readonly cluster: string | undefined
  /** PEM; undefined: clients trust the server anyway. */
  readonly ca: string | undefined
  readonly namespace: string | undefined
  /** Undefined: to be added. */
  readonly key: string | undefined
}

/** A kubeconfig for kubectl, oc and whatever else reads them. Its names let several of them be merged. */
export function printKubeconfig({ caller, server, cluster, ca, namespace, key }: KubeconfigFacts): string {
  const at = cluster === undefined ? '' : `@${cluster}`
  const context = `${caller}${at}`
  const place = `portcullis${at}`
  return stringify({
    'apiVersion': 'v1',
    'kind': 'Config',
    'current-context': context,
    'clusters': [{
      name: place,
      cluster: { server, ...ca !== undefined && { 'certificate-authority-data': Buffer.from(ca).toString('base64') } },
    }],
    'contexts': [{ name: context, context: { cluster: place, user: caller, ...namespace !== undefined && { namespace } } }],
    'users': [{ name: caller, user: key === undefined ? {} : { token: key } }],
  }, { lineWidth: 0 })
}
