/** The URL by which a client reaches a cluster through the proxy. Throws where kubectl could not use it; the message repeats nothing, for a URL may hold a password. */
export function serverUrl(text: string, cluster: string | undefined): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw new Error('--server must be the URL of the proxy, as in https://portcullis.example:8443')
  if (url.protocol === 'http:') throw new Error('--server must begin with https:// : kubectl sends no token over plain http')
  if (url.username + url.password + url.search + url.hash !== '') throw new Error('--server must be a scheme, a host, a port and at most a path')
  const path = url.pathname.replace(/\/+$/, '')
  if (/(?:^|\/)clusters\/[^/]+$/.test(path)) throw new Error('--server must not name a cluster: --cluster does, and it is checked')
  return `https://${url.host}${path}${cluster === undefined ? '' : `/clusters/${cluster}`}`
}
