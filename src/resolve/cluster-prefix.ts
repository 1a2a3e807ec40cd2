export interface Placed {
  /** Undefined: the default cluster. */
  readonly cluster: string | undefined
  /** The raw path there. */
  readonly path: string
}

const prefix = '/clusters/'

/**
 * Takes `/clusters/<name>` off a raw path. The name is taken as it stands: what is
 * escaped in it names no cluster. `/clusters` alone, or without a name, is a path like any other.
 */
export function splitCluster(path: string): Placed {
  const end = path.indexOf('/', prefix.length)
  const named = path.startsWith(prefix) && path.length > prefix.length && end !== prefix.length
  if (!named) return { cluster: undefined, path }
  if (end === -1) return { cluster: path.slice(prefix.length), path: '/' }
  return { cluster: path.slice(prefix.length, end), path: path.slice(end) }
}
