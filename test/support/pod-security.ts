import { asFields, type Fields } from '../../src/json-fields.ts'
import type { Manifest } from './chart.ts'

// The restricted profile of the Pod Security Standards, as Kubernetes 1.36 has it (k8s.io/pod-security-admission, policy).

/** The volumes that it allows. */
const volumes = new Set(['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'])
const sysctls = new Set(['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.ip_unprivileged_port_start', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range'])

/** Specs of the pods that a manifest makes. */
export function podSpecs({ kind, spec }: Manifest): Fields[] {
  if (kind === 'Pod') return [asFields(spec)]
  const { template } = asFields(spec)
  return template === undefined ? [] : [asFields(asFields(template)['spec'])]
}

/** What of a pod the restricted profile forbids; empty: nothing. */
export function restrictedFaults(pod: Fields): string[] {
  const context = asFields(pod['securityContext'])
  const containers = ['initContainers', 'containers', 'ephemeralContainers'].flatMap(name => listOf(pod[name]))
  return [
    ...['hostNetwork', 'hostPID', 'hostIPC'].filter(name => pod[name] === true).map(name => `${name} is true`),
    ...listOf(pod['volumes']).filter(volume => Object.keys(volume).some(type => type !== 'name' && !volumes.has(type))).map(({ name }) => `volume ${String(name)} is of a kind that is not allowed`),
    ...listOf(context['sysctls']).filter(({ name }) => !sysctls.has(String(name))).map(({ name }) => `sysctl ${String(name)}`),
    ...context['runAsUser'] === 0 ? ['runAsUser is 0'] : [],
    ...containers.flatMap(container => containerFaults(container, context)),
  ]
}

function containerFaults(container: Fields, pod: Fields): string[] {
  const own = asFields(container['securityContext'])
  const capabilities = asFields(own['capabilities'])
  const { type } = asFields(own['seccompProfile'] ?? pod['seccompProfile'])
  const add = Array.isArray(capabilities['add']) ? capabilities['add'] as unknown[] : []
  const faults = [
    [own['privileged'] === true, 'is privileged'],
    [own['allowPrivilegeEscalation'] !== false, 'may escalate privileges'],
    [!(Array.isArray(capabilities['drop']) && capabilities['drop'].includes('ALL')), 'does not drop ALL capabilities'],
    [add.some(name => name !== 'NET_BIND_SERVICE'), 'adds capabilities'],
    [(own['runAsNonRoot'] ?? pod['runAsNonRoot']) !== true, 'may run as root'],
    [own['runAsUser'] === 0, 'runs as root'],
    [type !== 'RuntimeDefault' && type !== 'Localhost', 'has no seccomp profile'],
    [own['procMount'] !== undefined && own['procMount'] !== 'Default', 'has another /proc'],
    [listOf(container['ports']).some(({ hostPort }) => hostPort !== undefined && hostPort !== 0), 'takes ports of the host'],
  ] as const
  return faults.filter(([is]) => is).map(([, what]) => `container ${String(container['name'])} ${what}`)
}

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(asFields) : []
}
