import { exactName } from './field-selector.ts'
import { firstValues } from '../queries/query.ts'

export interface ListOptions {
  readonly watch: boolean
  /** What a field selector on `metadata.name` asks for; empty without one. */
  readonly name: string
}

const none: ListOptions = { watch: false, name: '' }

/**
 * What the API server reads of a query where a path names no object
 * (`metainternalversion.ListOptions` through its ParameterCodec). An option that does not
 * parse makes it forget the field selector, but not the watch.
 */
export function readListOptions(query: string): ListOptions {
  if (query === '') return none
  const values = firstValues(query)
  const watch = isTrue(values.get('watch'))
  const selector = values.get('fieldSelector')
  if (selector === undefined || !isInteger(values.get('limit')) || !isInteger(values.get('timeoutSeconds'))) return { watch, name: '' }
  return { watch, name: pathSegmentName(exactName(selector)) }
}

/**
 * apimachinery's Convert_Slice_string_To_bool: everything but `0` and `false` is true, an
 * empty value too. It compares by Unicode case folding, to which `ſ` is an `s`.
 */
function isTrue(value: string | undefined): boolean {
  if (value === undefined || value === '0') return false
  return value.replaceAll('\u017f', 's').toLowerCase() !== 'false'
}

/** Go's `strconv.ParseInt(value, 10, 64)`; an option that is not there is no fault. */
function isInteger(value: string | undefined): boolean {
  if (value === undefined) return true
  if (!/^[+-]?[0-9]+$/.test(value)) return false
  const number = BigInt(value.replace('+', ''))
  return BigInt.asIntN(64, number) === number
}

/** A name that could not stand in a path is not taken for one. */
function pathSegmentName(name: string | undefined): string {
  if (name === undefined || name === '.' || name === '..' || /[/%]/.test(name)) return ''
  return name
}
