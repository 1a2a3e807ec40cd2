/** Of names that are there the one that was likely meant; undefined: none is near. */
export function nearestName(name: string, names: Iterable<string>): string | undefined {
  let [nearest, least]: [string | undefined, number] = [undefined, Math.max(1, Math.floor(name.length / 3)) + 1]
  for (const one of names) {
    if (Math.abs(one.length - name.length) >= least) continue
    const distance = distanceBetween(name.toLowerCase(), one.toLowerCase(), least)
    if (distance < least) [nearest, least] = [one, distance]
  }
  return nearest
}

/** Letters that are to be put in, taken out, changed, or swapped with their neighbour; `most` where there are as many or more. */
function distanceBetween(a: string, b: string, most: number): number {
  let [beforeLast, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, index) => index)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(Math.min(
        (last[j] ?? most) + 1, (row[j - 1] ?? most) + 1, (last[j - 1] ?? most) + (same ? 0 : 1),
        swapped ? (beforeLast[j - 2] ?? most) + 1 : most,
      ))
    }
    if (Math.min(...row) >= most) return most
    ;[beforeLast, last] = [last, row]
  }
  return last[b.length] ?? most
}
