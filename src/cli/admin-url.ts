/** Where the admin listener of a config answers on this machine; one that listens on every address does on loopback. */
export function adminUrl({ host, port }: { readonly host: string, readonly port: number }): string {
  return `http://${reachable(host)}:${port}`
}

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
