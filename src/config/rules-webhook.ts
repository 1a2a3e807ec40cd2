import { isLoopback } from '../addresses/cidr.ts'
import type { Finding, Path, Sound } from '../files/fault.ts'
import type { WrittenConfig } from './schema.ts'
import { longestTimer, parseDuration } from './units.ts'

type Written = NonNullable<WrittenConfig['audit']['sinks'][number]['webhook']>

/** Of the audit sinks that post. */
export function webhookFaults(config: WrittenConfig, sound: Sound): Finding[] {
  if (!sound(['audit', 'sinks'])) return []
  return config.audit.sinks.flatMap(({ webhook }, index) => {
    const path = ['audit', 'sinks', index, 'webhook']
    return webhook === undefined || !sound(path) ? [] : [...urlFaults(webhook, [...path, 'url']), ...timerFaults(webhook, path)]
  })
}

// The value is not repeated: a URL may hold a password.
function urlFaults({ url, credential }: Written, path: Path): Finding[] {
  const faults: string[] = []
  if (url === undefined) {
    return credential?.kubeconfig !== undefined ? [] : [{ path, message: 'is missing (only with the credential kubeconfig may it be left out)' }]
  }
  if (!URL.canParse(url)) return [{ path, message: 'must be a URL: https://host[:port][/path]' }]
  const { protocol, hostname, username, password, search, hash } = new URL(url)
  const near = protocol === 'http:' && isLoopback(hostname.replace(/^\[|\]$/g, ''))
  if (protocol !== 'https:' && !near) faults.push('must be https; http is for a loopback address alone: events tell who does what')
  if (near && credential !== undefined) faults.push('must be https where there is a credential: that is never sent in the clear')
  if (username !== '' || password !== '') faults.push('must hold no user or password: name a token or a certificate with credential')
  if (search !== '' || hash !== '') faults.push('must have no query and no fragment: a secret in them would stand in the config')
  return faults.map(message => ({ path, message }))
}

function timerFaults(webhook: Written, path: Path): Finding[] {
  return (['maxWait', 'initialBackoff', 'timeout'] as const).flatMap((name): Finding[] => {
    const duration = parseDuration(webhook[name]) ?? 0
    return duration > 0 && duration <= longestTimer ? [] : [{ path: [...path, name], message: 'must be more than 0 and at most 24d' }]
  })
}
