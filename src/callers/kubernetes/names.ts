/** What the objects are called in the API. */
export const group = 'portcullis.dev'
export const version = 'v1alpha1'
export const apiVersion = `${group}/${version}`

export type Plural = 'callers' | 'scopes'

/** Path of a collection, or of one object of it. */
export function pathOf(plural: Plural, namespace: string, name?: string, subresource?: 'status'): string {
  const tail = [name, subresource].filter(part => part !== undefined).map(part => `/${encodeURIComponent(part)}`).join('')
  return `/apis/${apiVersion}/namespaces/${encodeURIComponent(namespace)}/${plural}${tail}`
}

/** As faults and messages name an object: `callers.portcullis.dev/portcullis/ci`. */
export function placeOf(plural: Plural, namespace: string, name: string): string {
  return `${plural}.${group}/${namespace}/${name}`
}
