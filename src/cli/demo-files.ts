/** The files of `portcullis demo`, as a user would write them. Relative paths are relative to the config. */

export function configOf(port: number, server: string): string {
  return `# The config of this demo. config/portcullis.yaml in the repository explains every option.
listen:
  host: 127.0.0.1
  port: ${port}
  tls: { certFile: tls.crt, keyFile: tls.key }
admin: { host: 127.0.0.1, port: 0 }
clusters:
  - name: sample
    server: ${server}
    caFile: ca.crt
    credential: { tokenFile: token }
    openshift: false
callers: { file: callers.yaml }
audit:
  sinks: [ { file: { path: audit.log } } ]
log: { level: warn }
`
}

export function callersOf(keyId: string, sha256: string): string {
  return `# Who may do what. Change it while the demo runs.
scopes:
  - name: work-in-team-a
    rules:
      - apiGroups: ["", apps]
        resources: [pods, pods/log, configmaps, services, deployments, deployments/scale]
        verbs: [get, list, watch, create, update, patch, delete]
        namespaces: [team-a]
      - { apiGroups: [""], resources: [pods/exec], verbs: [create], namespaces: [team-a] }
  - name: look-around
    rules:
      - { apiGroups: ["", apps], resources: [pods, services, deployments, events], verbs: [get, list, watch], namespaces: ["*"] }
      - { apiGroups: [""], resources: [namespaces], verbs: [get, list, watch], namespaces: ["*"] }
callers:
  - name: demo
    scopes: [work-in-team-a, look-around]
    keys:
      - { id: ${keyId}, sha256: ${sha256} }
`
}

export function kubeconfigOf(server: string, ca: string, key: string): string {
  return `apiVersion: v1
kind: Config
current-context: demo
clusters:
  - name: portcullis
    cluster: { server: "${server}", certificate-authority-data: ${Buffer.from(ca).toString('base64')} }
contexts:
  - name: demo
    context: { cluster: portcullis, user: demo, namespace: team-a }
users:
  - name: demo
    user: { token: ${key} }
`
}
