import { ProxyError } from '../errors.ts'
import type { Impersonation } from '../model/verdict.ts'

/**
 * What the caller's own `Impersonate-*` headers ask for (k8s.io/apiserver
 * pkg/endpoints/filters/impersonation.go); undefined without any. An underscore twin
 * or an unknown `Impersonate-…` throws ImpersonationDenied: dropping it would act
 * with more power than was asked for.
 */
export function readImpersonation(headers: readonly string[]): Impersonation | undefined {
  if (!hasAny(headers)) return undefined
  const asked = { user: undefined as string | undefined, groups: [] as string[], uid: undefined as string | undefined }
  // No prototype: `Impersonate-Extra-constructor` is a key like any other.
  const extra = Object.create(null) as Record<string, string[]>
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase()
    if (!isImpersonate(name)) continue
    const value = headers[i + 1] ?? ''
    if (name === 'impersonate-user') asked.user = once(name, asked.user, value)
    else if (name === 'impersonate-uid') asked.uid = once(name, asked.uid, value)
    else if (name === 'impersonate-group') asked.groups.push(value)
    else if (name.startsWith('impersonate-extra-')) (extra[extraKey(name)] ??= []).push(value)
    else throw new ProxyError('ImpersonationDenied', 'this Impersonate header is not known here')
  }
  return { ...asked, extra: { ...extra } }
}

/** Most requests have none: their names differ in the first letter already. */
function hasAny(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    if ((name[0] === 'I' || name[0] === 'i') && isImpersonate(name.toLowerCase())) return true
  }
  return false
}

function isImpersonate(lowerName: string): boolean {
  return lowerName.replaceAll('_', '-').startsWith('impersonate-')
}

function once(name: string, before: string | undefined, value: string): string {
  if (before !== undefined) throw new ProxyError('ImpersonationDenied', `${name} was sent twice`)
  return value
}

/** The key is percent-encoded in the header's name. */
function extraKey(name: string): string {
  const key = name.slice('impersonate-extra-'.length)
  try {
    return decodeURIComponent(key)
  } catch {
    throw new ProxyError('ImpersonationDenied', 'an Impersonate-Extra header is not validly escaped')
  }
}
