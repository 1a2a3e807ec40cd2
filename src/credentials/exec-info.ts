export type ExecApiVersion = 'client.authentication.k8s.io/v1' | 'client.authentication.k8s.io/v1beta1'

/** What a plugin may be told of the cluster. */
export interface ExecCluster {
  readonly server: string
  /** PEM; undefined: the authorities that Node trusts. */
  readonly ca: string | undefined
  readonly tlsServerName: string | undefined
  /** A kubeconfig's extension `client.authentication.k8s.io/exec` of the cluster. */
  readonly config?: unknown
}

/** What KUBERNETES_EXEC_INFO says, the same in both versions (client-go, pkg/apis/clientauthentication): nobody sits here, and which cluster it is for. */
export function execInfo(apiVersion: ExecApiVersion, cluster: ExecCluster | undefined): string {
  return JSON.stringify({
    apiVersion, kind: 'ExecCredential', spec: { ...cluster === undefined ? {} : { cluster: describe(cluster) }, interactive: false },
  })
}

/** Named as in a kubeconfig; JSON leaves out what is undefined. */
function describe({ server, ca, tlsServerName, config }: ExecCluster): object {
  return {
    server,
    'tls-server-name': tlsServerName,
    'certificate-authority-data': ca === undefined ? undefined : Buffer.from(ca).toString('base64'),
    config,
  }
}
