import type { Callers } from '../../src/callers/callers.ts'
import { KeyRecord } from '../../src/keys/key-record.ts'
import { KeyTable } from '../../src/keys/key-table.ts'
import { digestKey, mintKey } from '../../src/keys/key.ts'
import type { Arrival } from '../../src/model/arrival.ts'
import type { CallerDefinition } from '../../src/model/caller.ts'

export function definition(name: string): CallerDefinition {
  return {
    name,
    grants: [],
    clusters: undefined,
    discovery: true,
    limits: { requestsPerSecond: undefined, burst: undefined, inFlight: undefined, streams: undefined },
    allowedFrom: undefined,
    impersonate: undefined,
  }
}

/** A key that does not change between runs; `seed` fills its random bytes. */
export function keyOf(seed: number): { id: string, key: string } {
  return mintKey(bytes => new Uint8Array(bytes).fill(seed))
}

export function record(key: string, changes: Partial<ConstructorParameters<typeof KeyRecord>[0]> = {}): KeyRecord {
  return new KeyRecord({
    id: key.slice(4, 12),
    sha256: digestKey(key),
    expiresAt: undefined,
    revokedAt: undefined,
    caller: definition('ci'),
    ...changes,
  })
}

export function storeOf(...records: KeyRecord[]): Pick<Callers, 'findKey' | 'openKey'> {
  const keys = new KeyTable()
  for (const one of records) keys.add(one)
  return { findKey: id => keys.get(id), openKey: (id, digest) => keys.open(id, digest) }
}

export function arrivalWith(...rawHeaders: string[]): Arrival {
  return {
    auditId: '00000000-0000-4000-8000-000000000000',
    receivedAt: 0,
    method: 'GET',
    target: '/api/v1/pods',
    rawHeaders: ['Host', 'proxy.test', ...rawHeaders],
    httpVersion: '1.1',
    upgrade: false,
    sourceIPs: ['127.0.0.1'],
  }
}
