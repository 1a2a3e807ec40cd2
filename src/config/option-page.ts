import { callersFileSchema } from '../callers/schema.ts'
import type { Shape } from '../files/shape.ts'
import { configSchema } from './schema.ts'

/** One field of a file that people write. */
export interface Option {
  /** As in `clusters[].timeouts.connect`. */
  readonly path: string
  readonly shape: Shape
  /** It has to be there wherever what it is part of is. */
  readonly needed: boolean
}

/**
 * Every field of a schema, a section before what is in it. What a field of one form may hold and its
 * other form as well (a thing, or a list of such) stands there once.
 */
export function optionsOf(schema: Shape, within = ''): Option[] {
  const found = armsOf(schema).flatMap(arm => Object.entries(arm.properties ?? {}).flatMap(([name, shape]) => {
    const path = within === '' ? name : `${within}.${name}`
    return [{ path, shape, needed: arm.required?.includes(name) === true && shape.default === undefined }, ...optionsOf(shape, path), ...itemsOf(shape, path)]
  }))
  return [...new Map(found.map(option => [option.path, option] as const).reverse()).values()].reverse()
}

function armsOf(shape: Shape): readonly Shape[] {
  return shape.anyOf ?? [shape]
}

function itemsOf(shape: Shape, path: string): Option[] {
  return armsOf(shape).flatMap(({ items }) => items === undefined ? [] : optionsOf(items, `${path}[]`))
}

/** `docs/reference/config.md`: every field of both files. */
export function optionPage(): string {
  const [callersFile] = armsOf(callersFileSchema)
  return `# Config reference

Generated from the code by \`npm run schemas\`. The same fields, as files to copy: [config/portcullis.yaml](../../config/portcullis.yaml), [config/callers.yaml](../../config/callers.yaml).

- \`--config FILE\` names the file. Default: \`./portcullis.yaml\`, then \`/etc/portcullis/portcullis.yaml\`; in a pod without either, [what is mounted there](credentials.md#incluster).
- An unknown field is a fault. All faults are printed at once, as \`file:line:column path: message\`.
- Relative paths are relative to the file that has them.
- Durations are \`30s\`, \`10m\`, \`24h\`, \`90d\`; sizes \`64KiB\`, \`3MiB\`.
- \`[]\` in a path stands for each item of a list. "needed": wherever the section around it is. "–": it may be left out, and then is not there.
- A line \`# yaml-language-server: $schema=portcullis.schema.json\` (or \`callers.schema.json\`) makes an editor complete and check the file; the schemas are in \`config/\`.

## portcullis.yaml

${tableOf(optionsOf(configSchema))}
## callers.yaml

Also the fields of \`spec\` in the [kinds Caller and Scope](callers.md#callers-in-kubernetes), whose \`metadata.name\` is the name.

${tableOf(optionsOf(callersFile ?? {}))}`
}

function tableOf(options: readonly Option[]): string {
  const rows = options.map(({ path, shape, needed }) => `| \`${path}\` | ${defaultOf(shape, needed)} | ${cell(meaningOf(shape))} |\n`)
  return `| field | default | what |\n| --- | --- | --- |\n${rows.join('')}`
}

function defaultOf(shape: Shape, needed: boolean): string {
  if (needed) return 'needed'
  const { default: value } = shape
  if (value === undefined) return '–'
  // A section that may be left out has the defaults of its fields.
  if (JSON.stringify(value) === '{}') return ''
  return `\`${cell(typeof value === 'string' ? value : JSON.stringify(value))}\``
}

function meaningOf(shape: Shape): string {
  const words = armsOf(shape).flatMap(({ enum: values = [] }) => values).map(value => `\`${String(value)}\``)
  const { description = '' } = shape
  if (words.length === 0) return description
  // A word beside another form, as in a number or auto.
  const isOther = armsOf(shape).some(({ enum: values }) => values === undefined)
  return `${description} ${isOther || words.length === 1 ? 'Or' : 'One of'} ${words.join(', ')}.`.trim()
}

/** A text in a cell of a table: no bar of its own, and nothing that a page would take for markup. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('*', '\\*')
}
