/** One column of a table for people. */
export interface Column<T> {
  readonly head: string
  readonly cell: (row: T) => string
}

/**
 * Rows under heads, in aligned columns three blanks apart, as kubectl prints them. No line
 * ends in blanks; what a terminal would obey is a blank itself. Without rows: the heads alone.
 */
export function formatTable<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const lines = [columns.map(({ head }) => head), ...rows.map(row => columns.map(({ cell }) => plain(cell(row))))]
  const widths = columns.map((_column, index) => lines.reduce((most, line) => Math.max(most, (line[index] ?? '').length), 0))
  return lines.map(line => `${line.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('   ').trimEnd()}\n`).join('')
}

function plain(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ')
}
