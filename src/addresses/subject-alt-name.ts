import { isIP } from 'node:net'

/**
 * The subject alternative names of a certificate out of the text in which node writes
 * them, `DNS:a.example, IP Address:10.0.0.1`, each in one spelling. A value that could be
 * taken for several is a JSON string there (CVE-2021-44532). Other kinds of names are left
 * out; a text that cannot be read to its end has none.
 */
export function readSubjectAltNames(text: string): string[] {
  const entries = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(, |$)/gy
  const names: string[] = []
  for (let match = entries.exec(text); match !== null; match = entries.exec(text)) {
    const [, kind = '', value = '', border] = match
    const name = canonicalName(`${kind === 'IP Address' ? 'IP' : kind}:${unquoted(value)}`)
    if (name !== undefined) names.push(name)
    if (border === '') return entries.lastIndex === text.length ? names : []
  }
  return []
}

/** `DNS:`, `URI:`, `email:` or `IP:` and a value, as names are compared; undefined for what is none. */
export function canonicalName(name: string): string | undefined {
  const [, kind, value = ''] = /^(DNS|URI|email|IP):([^]+)$/.exec(name) ?? []
  switch (kind) {
    case 'DNS': return `DNS:${value.toLowerCase()}`
    case 'IP': return canonicalIp(value)
    case undefined: return undefined
    default: return `${kind}:${value}`
  }
}

/** Undefined also for an address with a zone (`fe80::1%eth0`): a zone means something on one machine alone, and no certificate has one. */
function canonicalIp(value: string): string | undefined {
  switch (isIP(value)) {
    case 4: return `IP:${value}`
    case 6: return URL.canParse(`http://[${value}]`) ? `IP:${new URL(`http://[${value}]`).hostname.slice(1, -1)}` : undefined
    default: return undefined
  }
}

function unquoted(value: string): string {
  try {
    return value.startsWith('"') ? String(JSON.parse(value)) : value
  } catch {
    return ''
  }
}
