import { FlowReader, note } from './flow-reader.ts'
import { chars, isBlank, unusual } from './scalars.ts'

const { newline, carriageReturn, space, hash, minus } = chars

/** Reads mappings and lists by indentation as well: the form that people write. */
export class BlockReader extends FlowReader {
  /** Of the piece that comes next, which stands first in its line; -1: the document is over. */
  column = 0
  /** The next document begins at `---`. */
  #another = true

  /** The next document's value; undefined: it is empty. Null: there is none any more. */
  nextDocument(): { readonly value: unknown, readonly start: number } | undefined | null {
    if (!this.#another) return null
    this.#another = false
    this.#nextLine()
    const start = this.at
    const value = this.column === -1 ? undefined : this.#node(-1)
    if (this.column !== -1) throw unusual
    if (this.#another) {
      this.at += 3
      this.#endOfLine()
    }
    return value === undefined ? undefined : { value, start }
  }

  /** The piece that begins here, as a part of something else. */
  piece(indent: number): unknown {
    this.column = this.at - (this.text.lastIndexOf('\n', this.at - 1) + 1)
    return this.#node(indent)
  }

  #node(indent: number): unknown {
    if (this.#isItem()) return this.#list(this.column, indent)
    const start = this.at
    const name = this.name()
    if (name !== undefined) return this.#mapping(this.column, name, start)
    const value = this.flowValue(indent, false)
    this.#endOfLine()
    this.#nextLine()
    if (this.column > indent) throw unusual
    return value
  }

  #mapping(column: number, first: string, firstAt: number): object {
    const mapping: Record<string, unknown> = {}
    const places = this.enter(mapping, false, column)
    for (let name: string | undefined = first, start = firstAt; ;) {
      this.noticeTwice(mapping, name, start)
      const value = this.#value(column, true)
      note(places, name, start, value.at)
      mapping[name] = value.value
      if (this.column < column) break
      if (this.column > column) throw unusual
      start = this.at
      name = this.name()
      if (name === undefined) throw unusual
    }
    this.leave()
    return mapping
  }

  #list(column: number, indent: number): unknown[] {
    const list: unknown[] = []
    const places = this.enter(list, false, column)?.values as number[] | undefined
    do {
      this.at++
      const { value, at } = this.#value(column, false)
      places?.push(at)
      list.push(value)
    } while (this.column === column && this.#isItem())
    // Only a mapping's list may stand at the mapping's own indentation.
    if (this.column > indent && this.column !== -1) throw unusual
    this.leave()
    return list
  }

  /** What stands behind a colon or a dash, on this line or the next ones. */
  #value(column: number, ofName: boolean): { readonly value: unknown, readonly at: number } {
    const start = this.at
    while (this.text.charCodeAt(this.at) === space) this.at++
    const at = this.at
    const code = this.text.charCodeAt(at)
    if (!isBlank(code) && code !== hash) {
      if (at === start) throw unusual
      return { value: ofName ? this.#inline(column) : this.piece(column), at }
    }
    this.#endOfLine()
    this.#nextLine()
    if (this.column > column) return { at: this.at, value: this.#node(column) }
    if (ofName && this.column === column && this.#isItem()) return { at: this.at, value: this.#list(column, column) }
    return { value: null, at }
  }

  /** Behind a name no other one may stand on the same line. */
  #inline(column: number): unknown {
    const value = this.flowValue(column, false)
    this.#endOfLine()
    this.#nextLine()
    return value
  }

  #isItem(): boolean {
    return this.text.charCodeAt(this.at) === minus && isBlank(this.text.charCodeAt(this.at + 1))
  }

  /** Nothing but a comment is left of this line. */
  #endOfLine(): void {
    while (this.text.charCodeAt(this.at) === space) this.at++
    if (this.text.charCodeAt(this.at) === hash) this.skipComment()
    if (!isBlank(this.text.charCodeAt(this.at))) throw unusual
    if (this.at < this.text.length) this.at = this.lineEnd()
  }

  /** From the beginning of a line to the first piece on it or a later one. */
  #nextLine(): void {
    for (; ;) {
      const start = this.at
      while (this.text.charCodeAt(this.at) === space) this.at++
      const code = this.text.charCodeAt(this.at)
      if (code === hash) this.skipComment()
      else if (code !== newline && code !== carriageReturn) return this.#begin(this.at - start)
      if (this.at === this.text.length) return this.#begin(0)
      this.at = this.lineEnd()
    }
  }

  #begin(column: number): void {
    this.#another = column === 0 && this.text.startsWith('---', this.at) && isBlank(this.text.charCodeAt(this.at + 3))
    this.column = this.#another || this.at >= this.text.length ? -1 : column
  }
}
