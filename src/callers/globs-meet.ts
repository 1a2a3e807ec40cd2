/** Whether there is a name that both globs match; `*` stands for any run of characters. */
export function globsMeet(a: string, b: string): boolean {
  if (!a.includes('*') && !b.includes('*')) return a === b
  // From the ends of both: what is left of one against what is left of the other.
  let row: boolean[] = []
  for (let i = a.length; i >= 0; i--) {
    const below = row
    row = []
    for (let j = b.length; j >= 0; j--) {
      if (i === a.length && j === b.length) row[j] = true
      else if (a[i] === '*' || b[j] === '*') {
        // A star is over, or takes one more letter (or star) of the other.
        row[j] = (i < a.length && below[j] === true) || (j < b.length && row[j + 1] === true)
      } else row[j] = i < a.length && a[i] === b[j] && below[j + 1] === true
    }
  }
  return row[0] === true
}
