/** What it is called, and what there is to say; null: no word of it. */
export type Field = readonly [name: string, value: string | null]

/** A line each, the values in one column. What a terminal would obey is a blank. */
export function formatFields(fields: readonly Field[]): string {
  const width = Math.max(...fields.map(([name]) => name.length)) + 4
  return fields.flatMap(([name, value]) => value === null ? [] : [`${`${name}:`.padEnd(width)}${value.replace(/\p{Cc}+/gu, ' ')}\n`]).join('')
}

/** Every line two columns further in. */
export function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ')
}
