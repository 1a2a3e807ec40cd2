import type { Finding, Path } from '../files/fault.ts'
import { holdsKey } from '../keys/redact.ts'

const message = 'holds a secret, which does not belong into the config: put it into a file and name that with '
  + 'credential: { tokenFile: … }, or into the environment with { tokenEnv: … }'

// JWTs (service-account tokens), OpenShift's opaque tokens, private keys, URLs with a password.
const secrets = [
  /eyJ[\w-]{8,}\.[\w-]+\.[\w-]*/, /sha256~[\w-]{20,}/, /-----BEGIN [A-Z ]*PRIVATE KEY-----/, /:\/\/[^/?#\s]*:[^/?#\s]*@/,
]

/** Every string in a value that looks like a secret, wherever it stands. The findings do not repeat it. */
export function findSecrets(value: unknown, path: Path = []): Finding[] {
  if (typeof value === 'string') return isSecret(value) ? [{ path, message }] : []
  if (typeof value !== 'object' || value === null) return []
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return entries.flatMap(([name, child]) => findSecrets(child, [...path, name]))
}

function isSecret(text: string): boolean {
  return holdsKey(text) || secrets.some(secret => secret.test(text))
}
