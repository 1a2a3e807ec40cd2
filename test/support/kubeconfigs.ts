/** A kubeconfig of one context, `main`; JSON is YAML. */
export function kubeconfigOf({ cluster = {}, user = {}, ...rest }: { readonly cluster?: object, readonly user?: object, readonly [field: string]: unknown } = {}): string {
  return JSON.stringify({
    'apiVersion': 'v1',
    'kind': 'Config',
    'current-context': 'main',
    'clusters': [{ name: 'c', cluster: { server: 'https://api.example:6443', ...cluster } }],
    'contexts': [{ name: 'main', context: { cluster: 'c', user: 'u' } }],
    'users': [{ name: 'u', user }],
    ...rest,
  })
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
