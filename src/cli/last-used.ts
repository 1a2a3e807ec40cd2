import { adminUrl } from './admin-url.ts'

/** When keys were last used, by id, in milliseconds since the epoch; or why that is not known. */
export type LastUsed =
  | { readonly known: true, readonly at: ReadonlyMap<string, number> }
  | { readonly known: false, readonly why: string }

const series = /^portcullis_key_last_used_seconds\{(.*)\} (\S+)$/gm

/** Asks the admin listener of the proxy that runs with this config, if one does. Never rejects. */
export async function askLastUsed(admin: { readonly host: string, readonly port: number }, within = 1000): Promise<LastUsed> {
  const url = `${adminUrl(admin)}/metrics`
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(within), redirect: 'error' })
    const text = await response.text()
    if (!response.ok || !text.includes('# HELP portcullis_')) return { known: false, why: `what answers at ${url} is no Portcullis` }
    return { known: true, at: readLastUsed(text) }
  } catch {
    return { known: false, why: `nobody answers at ${url}, the admin listener of the config` }
  }
}

/** From the Prometheus text format. */
function readLastUsed(metrics: string): Map<string, number> {
  const found = new Map<string, number>()
  for (const [, labels = '', value] of metrics.matchAll(series)) {
    const [, key] = /(?:^|,)key="([0-9A-Za-z]{8})"/.exec(labels) ?? []
    const at = Number(value) * 1000
    // Of several processes, the last.
    if (key !== undefined && Number.isFinite(at)) found.set(key, Math.max(at, found.get(key) ?? 0))
  }
  return found
}
