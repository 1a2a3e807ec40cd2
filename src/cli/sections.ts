/** What it is called, and what there is to say; null: no word of it. */
export type Field = readonly [name: string, value: string | null]

/** A line each, the values in one column. What a terminal would obey is a blank. */
export function formatFields(fields: readonly Field[]): string {
  const lines = fields.flatMap(([name, value]) => value === null ? [] : [{ name, value: value.replace(/\p{Cc}+/gu, ' ') }])
  const width = Math.max(...lines.map(({ name }) => name.length)) + 4
  return lines.map(({ name, value }) => `${`${name}:`.padEnd(width)}${value}\n`).join('')
}

/** Every line two columns further in. */
export function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ')
}
