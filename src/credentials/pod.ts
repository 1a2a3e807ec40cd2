import { isIPv6 } from 'node:net'

/** Where the kubelet puts what a pod needs to reach its API server. */
export const podFolder = '/var/run/secrets/kubernetes.io/serviceaccount'

type Env = Readonly<Record<string, string | undefined>>

export function isInPod({ KUBERNETES_SERVICE_HOST: host = '' }: Env): boolean {
  return host !== ''
}

/** The API server of the pod's own cluster. Throws outside of a pod. */
export function podServer({ KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' }: Env): string {
  if (host === '' || port === '') {
    throw new Error('inCluster is for a process in a pod, and this is none: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set')
  }
  return `https://${isIPv6(host) ? `[${host}]` : host}:${port}`
}
