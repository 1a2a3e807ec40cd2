const milliseconds = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const bytes = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const

/** As in the schemas, so that an editor says the same as we do. */
export const durationForm = '^[0-9]{1,6}(ms|s|m|h|d)$'
export const sizeForm = '^[0-9]{1,6}(B|KiB|MiB|GiB)$'

/** Milliseconds: Node's timers overflow beyond 2^31 - 1 ms, and then fire at once. */
export const longestTimer = 24 * 86_400_000

/** `30s`, `10m`, `24h`, `90d` in milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  return parse(text, durationForm, milliseconds)
}

/** `64KiB`, `3MiB` in bytes; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  return parse(text, sizeForm, bytes)
}

function parse(text: string, form: string, units: Readonly<Record<string, number>>): number | undefined {
  const unit = new RegExp(form).exec(text)?.[1]
  if (unit === undefined) return undefined
  return Number(text.slice(0, -unit.length)) * (units[unit] ?? NaN)
}
