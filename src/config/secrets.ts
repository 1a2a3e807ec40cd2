import type { Finding, Path } from '../files/fault.ts'
import { holdsKey } from '../keys/redact.ts'

const message = 'holds a secret, which does not belong into the config: put it into a file and name that with '
  + 'credential: { tokenFile: … }, or into the environment with { tokenEnv: … }; a password with { oauthSession: { password: { fromFile: … } } }'
const pluginMessage = 'holds a secret, which does not belong into the config: put it into a file that the plugin reads, or into '
  + 'the environment of Portcullis, which the plugin inherits'

/** By form: JWTs (service-account tokens), OpenShift's opaque tokens, Vault's, private keys, URLs with a password. */
const forms = [
  /eyJ[\w-]{8,}\.[\w-]+\.[\w-]*/, /sha256~[\w-]{20,}/, /\bhv[bsr]\.[\w-]{20,}/, /-----BEGIN [A-Z ]*PRIVATE KEY-----/, /:\/\/[^/?#\s]*:[^/?#\s]*@/,
]

/** Every string in a value that looks like a secret, wherever it stands. The findings do not repeat it. */
export function findSecrets(value: unknown, path: Path = []): Finding[] {
  if (typeof value === 'string') return isSecret(value) ? [{ path, message }] : []
  if (typeof value !== 'object' || value === null) return []
  if (path.at(-1) === 'exec') return findPluginSecrets(value, path)
  return entriesOf(value).flatMap(([name, child]) => findSecrets(child, [...path, name]))
}

function entriesOf(value: object): [string | number, unknown][] {
  return Array.isArray(value) ? [...value.entries()] : Object.entries(value)
}

function isSecret(text: string): boolean {
  return looksSecret(text) || looksSecret(decoded(text))
}

function looksSecret(text: string): boolean {
  return holdsKey(text) || forms.some(form => form.test(text))
}

/** Of base64, as in a Secret's data; of anything else, nothing. */
function decoded(text: string): string {
  const packed = text.replace(/\s/g, '')
  return /^[\w+/-]{40,}={0,2}$/.test(packed) ? Buffer.from(packed, 'base64').toString('latin1') : ''
}

/** A plugin's arguments and variables may be opaque, and tell by their name that they are secret. */
function findPluginSecrets(exec: object, path: Path): Finding[] {
  const found = entriesOf(exec).flatMap(([name, child]) => findSecrets(child, [...path, name])).map(({ path }) => path)
  const { args, env } = exec as { readonly args?: unknown, readonly env?: unknown }
  const named = [
    ...list(args).flatMap((_, index) => isSecretArgument(list(args), index) ? [[...path, 'args', index]] : []),
    ...list(env).flatMap((variable, index) => isSecretVariable(variable) ? [[...path, 'env', index, 'value']] : []),
  ]
  const paths = new Map([...found, ...named].map(each => [JSON.stringify(each), each]))
  return [...paths.values()].map(each => ({ path: each, message: pluginMessage }))
}

const word = '(?:token|secret|passw(?:or)?d|passphrase|api[_-]?key)'
const secretFlag = new RegExp(`^--?(?:[a-z0-9-]*[-_])?${word}$`, 'i')
const secretFlagAndValue = new RegExp(`^--?(?:[a-z0-9-]*[-_])?${word}=(.+)$`, 'i')
const secretVariable = new RegExp(`(?:^|_)${word}$`, 'i')

/** `--token=x`, and `--token x`. */
function isSecretArgument(args: readonly unknown[], index: number): boolean {
  const [before, argument] = [String(args[index - 1] ?? ''), String(args[index])]
  return isOpaque(secretFlagAndValue.exec(argument)?.[1] ?? '') || (secretFlag.test(before) && isOpaque(argument))
}

function isSecretVariable(variable: unknown): boolean {
  const { name, value } = Object(variable) as { readonly name?: unknown, readonly value?: unknown }
  return typeof name === 'string' && typeof value === 'string' && secretVariable.test(name) && isOpaque(value)
}

/** Neither a path, nor another flag, nor a switch. */
function isOpaque(value: string): boolean {
  return value.length >= 6 && !/^[./~-]|^[a-z]+:\/\//i.test(value) && !/^(?:true|false)$/i.test(value)
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
