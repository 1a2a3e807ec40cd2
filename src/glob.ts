export function isGlob(entry: string): boolean {
  return entry.includes('*')
}

/** `*` stands for any run of characters, none included; anything else for itself. Linear in the text for each star. */
export function matchesGlob(glob: string, text: string): boolean {
  const pieces = glob.split('*')
  const first = pieces.shift() ?? ''
  const last = pieces.pop()
  if (last === undefined) return glob === text
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const piece of pieces) {
    const found = text.indexOf(piece, at)
    if (found === -1) return false
    at = found + piece.length
  }
  return text.length - last.length >= at && text.endsWith(last)
}
