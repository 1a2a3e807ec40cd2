import { chars, isBlank, keyEnd, plainEnd, quotedEnd, resolvePlain, resolveQuoted, unusual } from './scalars.ts'

/** Where the pieces of a mapping or a list begin. */
export interface Places {
  /** Of a list by index, of a mapping by name; values and names. */
  readonly values: number[] | Map<string, number>
  readonly names: Map<string, number>
  /** With [] or {}. */
  readonly flow: boolean
  /** What lines of its pieces must be indented deeper than. */
  readonly indent: number
}

const { tab, newline, carriageReturn, space, quote, hash, apostrophe, comma, colon, openList, closeList, openMap, closeMap } = chars
const deepest = 60
/** Short lists that are remembered by their text; then the memory starts over. */
const maxRemembered = 4096

export interface ReaderOptions {
  readonly text: string
  readonly at?: number
  /** Down to which depth places are noted. */
  readonly noting: number
}

/** Reads scalars, [] and {}: what JSON is made of, and its looser form in YAML. */
export class FlowReader {
  protected readonly text: string
  protected at: number
  readonly #noting: number
  #depth = 0
  /** Of mappings and lists, by their value. */
  readonly places = new Map<object, Places>()
  /** Where names begin that their mapping has already. */
  readonly twice: number[] = []
  /** Rules say the same few lists over and over: `[get, list, watch]` is made once, and shared. */
  readonly #remembered = new Map<string, unknown[]>()

  constructor({ text, at = 0, noting }: ReaderOptions) {
    this.text = text
    this.at = at
    this.#noting = noting
  }

  /** A value in one piece; its further lines, if any, are indented deeper than `indent`. */
  flowValue(indent: number, flow: boolean): unknown {
    const code = this.text.charCodeAt(this.at)
    if (code === openList) return this.#depth < this.#noting ? this.#list(indent) : this.#sharedList(indent)
    if (code === openMap) return this.#mapping(indent)
    const start = this.at
    if (code === quote || code === apostrophe) {
      this.at = quotedEnd(this.text, start)
      return resolveQuoted(this.text, start, this.at)
    }
    this.at = plainEnd(this.text, start, flow)
    return resolvePlain(this.text.slice(start, this.at))
  }

  /** The name of a field; afterwards its colon is behind. Undefined: there is none, and nothing was read. */
  protected name(): string | undefined {
    const start = this.at
    const code = this.text.charCodeAt(start)
    if (code !== quote && code !== apostrophe) {
      const end = keyEnd(this.text, start)
      if (end === -1) return undefined
      this.at = end + 1
      return known(this.text.slice(start, end))
    }
    const end = quotedEnd(this.text, start)
    if (this.text.charCodeAt(end) !== colon || end - start > 1000) return undefined
    this.at = end + 1
    return known(resolveQuoted(this.text, start, end))
  }

  protected noticeTwice(mapping: object, name: string, start: number): void {
    if (Object.hasOwn(mapping, name)) this.twice.push(start)
  }

  protected enter(value: object, flow: boolean, indent: number): Places | undefined {
    if (++this.#depth > deepest) throw unusual
    if (this.#depth > this.#noting) return undefined
    const noted = { values: Array.isArray(value) ? [] : new Map<string, number>(), names: new Map<string, number>(), flow, indent }
    this.places.set(value, noted)
    return noted
  }

  protected leave(): void {
    this.#depth--
  }

  /** As `#list`, where nobody asks for its items' places. */
  #sharedList(indent: number): unknown[] {
    const start = this.at
    const end = this.text.indexOf(']', start) + 1
    if (end === 0) throw unusual
    if (end - start > 200) return this.#list(indent)
    const text = this.text.slice(start, end)
    // Whether its lines are indented deeply enough depends on where it stands.
    if (indent >= 0 && text.includes('\n')) return this.#list(indent)
    const before = this.#remembered.get(text)
    if (before !== undefined) {
      this.at = end
      return before
    }
    const faults = this.twice.length
    const list = this.#list(indent)
    // One with lists within it ends further on.
    if (this.at === end && this.twice.length === faults) this.#remember(text, list)
    return list
  }

  #remember(text: string, list: unknown[]): void {
    if (this.#remembered.size >= maxRemembered) this.#remembered.clear()
    this.#remembered.set(text, list)
  }

  #list(indent: number): unknown[] {
    const list: unknown[] = []
    const places = this.enter(list, true, indent)?.values as number[] | undefined
    this.at++
    this.#skip(indent)
    while (this.text.charCodeAt(this.at) !== closeList) {
      places?.push(this.at)
      list.push(this.flowValue(indent, true))
      this.#separator(indent, closeList)
    }
    this.at++
    this.leave()
    return list
  }

  #mapping(indent: number): object {
    const mapping: Record<string, unknown> = {}
    const places = this.enter(mapping, true, indent)
    this.at++
    this.#skip(indent)
    while (this.text.charCodeAt(this.at) !== closeMap) {
      const start = this.at
      const name = this.name()
      if (name === undefined) throw unusual
      this.noticeTwice(mapping, name, start)
      this.#skip(indent)
      note(places, name, start, this.at)
      mapping[name] = this.flowValue(indent, true)
      this.#separator(indent, closeMap)
    }
    this.at++
    this.leave()
    return mapping
  }

  /** A comma, or the end that follows. */
  #separator(indent: number, end: number): void {
    this.#skip(indent)
    const code = this.text.charCodeAt(this.at)
    if (code === comma) {
      this.at++
      this.#skip(indent)
    } else if (code !== end) throw unusual
  }

  /** Blanks, line ends and comments. */
  #skip(indent: number): void {
    for (; ;) {
      const code = this.text.charCodeAt(this.at)
      if (code === space) this.at++
      else if (code === newline || code === carriageReturn) this.#skipLineEnd(indent)
      // As indentation it is fine only where none is needed.
      else if (code === tab && indent < 0) this.at++
      else if (code === hash) this.skipComment()
      else return
    }
  }

  #skipLineEnd(indent: number): void {
    const start = this.lineEnd()
    this.at = start
    while (this.text.charCodeAt(this.at) === space) this.at++
    if (this.at - start <= indent && !isBlank(this.text.charCodeAt(this.at))) throw unusual
  }

  /** Behind the line end that is here. */
  protected lineEnd(): number {
    if (this.text.charCodeAt(this.at) === newline) return this.at + 1
    if (this.text.charCodeAt(this.at + 1) !== newline) throw unusual
    return this.at + 2
  }

  /** To the end of its line. */
  protected skipComment(): void {
    const before = this.text.charCodeAt(this.at - 1)
    if (this.at > 0 && before !== space && before !== newline) throw unusual
    const end = this.text.indexOf('\n', this.at)
    this.at = end === -1 ? this.text.length : end
    if (this.text.slice(this.at - 1, this.at) === '\r') this.at--
  }
}

export function note(places: Places | undefined, name: string, start: number, value: number): void {
  if (places === undefined || Array.isArray(places.values)) return
  places.names.set(name, start)
  places.values.set(name, value)
}

function known(name: string): string {
  if (name === '__proto__') throw unusual
  return name
}
