/**
 * Values that may become labels. Whatever a caller can make up must not: a series
 * lives as long as the process. Read from a closed list, or learnt from what
 * upstream has shown to exist, up to a bound.
 */
export class LearntNames {
  readonly #known = new Set<string>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  /** The name where it is known or `proven`; else `other`. */
  label(name: string, proven: boolean): string {
    if (this.#known.has(name)) return name
    if (!proven || this.#known.size >= this.#limit) return other
    this.#known.add(name)
    return name
  }
}

export const other = 'other'

/** What RBAC calls the things one does, and the lower-case methods of other paths. */
export const verbs: ReadonlySet<string> = new Set([
  'get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection', 'proxy', 'post', 'put', 'head', 'options',
])
