import type { JsonObject, KubeObject } from './json.ts'
import { object } from './json.ts'
import type { ResourceType } from './resource-type.ts'
import { groupVersion } from './resource-type.ts'

/** An object as a resource type shows it, with kind and apiVersion first. */
export function shown(type: ResourceType, stored: KubeObject): KubeObject {
  const { metadata, ...rest } = stored
  const content = type.resource === 'projects' ? project(stored) : rest
  return { kind: type.kind, apiVersion: groupVersion(type), metadata, ...content }
}

/** A project is a namespace in other clothes. */
function project(namespace: KubeObject): JsonObject {
  return { spec: object(namespace, 'spec'), status: object(namespace, 'status') }
}

/** An item of a list: custom resources say what they are, the built-in ones leave that to the list. */
export function listed(type: ResourceType, stored: KubeObject): KubeObject {
  const { kind, apiVersion, ...rest } = shown(type, stored)
  return type.custom ? { kind: kind ?? '', apiVersion: apiVersion ?? '', ...rest } : rest
}
