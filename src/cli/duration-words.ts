const units = [['d', 86_400_000], ['h', 3_600_000], ['min', 60_000], ['s', 1000]] as const

/** `3 h`, `2 d`: in the largest unit that there is a whole one of. */
export function durationWords(milliseconds: number): string {
  const [name, size] = units.find(([, size]) => milliseconds >= size) ?? ['s', 1000]
  return `${Math.floor(milliseconds / size)} ${name}`
}
