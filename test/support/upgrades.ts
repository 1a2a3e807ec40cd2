/** Headers of a WebSocket upgrade as kubectl sends it (flat). */
export function webSocketHeaders(...protocols: readonly string[]): string[] {
  return [
    'Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Version', '13',
    'Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ==',
    ...(protocols.length === 0 ? [] : ['Sec-WebSocket-Protocol', protocols.join(', ')]),
  ]
}

/** The 101 to that key (RFC 6455, 1.3). */
export function webSocketAccepted(protocol?: string): string[] {
  return [
    'Upgrade', 'websocket', 'Connection', 'Upgrade', 'Sec-WebSocket-Accept', 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    ...(protocol === undefined ? [] : ['Sec-WebSocket-Protocol', protocol]),
  ]
}

/** Headers of kubectl's SPDY upgrade up to 1.30: four version lines, each of its own. */
export function spdyHeaders(): string[] {
  const versions = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io']
  return ['Connection', 'Upgrade', 'Upgrade', 'SPDY/3.1', ...versions.flatMap((version) => ['X-Stream-Protocol-Version', version])]
}

export const spdyAccepted = ['Connection', 'Upgrade', 'Upgrade', 'SPDY/3.1', 'X-Stream-Protocol-Version', 'v4.channel.k8s.io']

/** The WebSocket subprotocol that carries a bearer token for browsers. */
export function bearerProtocol(key: string): string {
  return `base64url.bearer.authorization.k8s.io.${Buffer.from(key).toString('base64url')}`
}
