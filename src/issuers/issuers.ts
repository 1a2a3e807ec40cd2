import { watchFiles } from '../files/watch.ts'
import { formOf } from '../json-fields.ts'
import type { KeySource } from '../model/identity.ts'
import { scheduleUnreferenced } from '../schedule.ts'
import { FollowedIssuer, type FollowedIssuerOptions } from './followed-issuer.ts'
import type { Issuer } from './issuer.ts'
import { readSource } from './read-source.ts'

export interface IssuersOptions extends Pick<FollowedIssuerOptions, 'now' | 'log'>, Partial<Pick<FollowedIssuerOptions, 'read' | 'watch' | 'schedule'>> {}

/** One for each distinct source, whoever names it. */
export interface Issuers {
  /** Undefined for a source that is not in use. */
  of(source: KeySource): Issuer | undefined
  /** Makes those of these sources in use that are not yet, and gives up all others. Waits for nothing. */
  use(sources: readonly KeySource[]): void
  /** Some source's keys became others. Returns the way to stop listening. */
  onChange(listener: () => void): () => void
  close(): void
}

export function createIssuers({ now, log, read = readSource, watch = watchFiles, schedule = scheduleUnreferenced }: IssuersOptions): Issuers {
  const followed = new Map<string, FollowedIssuer>()
  const listeners = new Set<() => void>()
  const changed = () => { for (const listener of listeners) listener() }
  const use = (sources: readonly KeySource[]) => {
    const wanted = new Map(sources.map(source => [formOf(source), source]))
    for (const [form, issuer] of followed) {
      if (wanted.has(form)) continue
      issuer.close()
      followed.delete(form)
    }
    for (const [form, source] of wanted) {
      if (!followed.has(form)) followed.set(form, new FollowedIssuer({ source, read, watch, now, schedule, changed, log }))
    }
  }
  return {
    of: source => followed.get(formOf(source)),
    use,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: () => use([]),
  }
}
