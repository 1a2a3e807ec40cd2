/** JSON escapes what ends a line, but leaves C1 controls and bidirectional marks as they are. */
const unprintable = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

/** JSON in which nothing is left that a terminal would obey that the file is printed on. */
export function printableJson(json: string): string {
  // Most lines are plain, which costs less to see.
  if (!/[^\x20-\x7e]/.test(json)) return json
  return json.replace(unprintable, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
