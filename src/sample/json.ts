import { isDeepStrictEqual } from 'node:util'

/** What JSON.parse can yield. */
export type Json = null | boolean | number | string | Json[] | JsonObject

export interface JsonObject {
  [key: string]: Json
}

export interface Metadata extends JsonObject {
  name: string
  uid: string
  resourceVersion: string
  creationTimestamp: string
}

/** An object as the store holds it: without apiVersion and kind, which depend on the way it is read. */
export interface KubeObject extends JsonObject {
  metadata: Metadata
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value under a path, or undefined where the path ends early. */
export function at(value: Json | undefined, ...path: (string | number)[]): Json | undefined {
  let current = value
  for (const key of path) {
    if (Array.isArray(current)) current = typeof key === 'number' ? current[key] : undefined
    else if (isObject(current)) current = Object.hasOwn(current, String(key)) ? current[key] : undefined
    else return undefined
  }
  return current
}

/** The string under a path, or the empty string. */
export function text(value: Json | undefined, ...path: (string | number)[]): string {
  const found = at(value, ...path)
  return typeof found === 'string' ? found : ''
}

/** The list under a path, or an empty one. */
export function list(value: Json | undefined, ...path: (string | number)[]): Json[] {
  const found = at(value, ...path)
  return Array.isArray(found) ? found : []
}

/** The object under a path, or an empty one. */
export function object(value: Json | undefined, ...path: (string | number)[]): JsonObject {
  const found = at(value, ...path)
  return isObject(found) ? found : {}
}

/** Sets a member that may bear any name, `__proto__` too, without reaching the prototype. */
export function put(target: JsonObject, key: string, value: Json): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
}

export function namespaceOf(object: KubeObject): string {
  return text(object.metadata, 'namespace')
}

/** Equal as data: the order of an object's members does not matter. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  return isDeepStrictEqual(a, b)
}
