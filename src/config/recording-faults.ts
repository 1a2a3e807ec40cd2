import type { Finding, Path, Sound } from '../files/fault.ts'
import type { WrittenConfig } from './schema.ts'
import { parseDuration, parseSize } from './units.ts'

/** Room for the head of a recording and for what is said at its end. */
const smallest = 64 * 1024

/** What a schema cannot say of the recordings of sessions. */
export function recordingFaults({ audit }: WrittenConfig, sound: Sound): Finding[] {
  const path: Path = ['audit', 'recordings']
  if (!sound(['audit'])) return []
  const { maxSize = '', keepFor } = audit.recordings ?? {}
  const faults: Finding[] = []
  if (audit.recordings !== undefined && sound([...path, 'maxSize']) && (parseSize(maxSize) ?? 0) < smallest) {
    faults.push({ path: [...path, 'maxSize'], message: 'must be at least 64KiB' })
  }
  if (keepFor !== undefined && sound([...path, 'keepFor']) && parseDuration(keepFor) === 0) {
    faults.push({ path: [...path, 'keepFor'], message: 'must be more than 0' })
  }
  if (audit.recordings !== undefined || !sound(path) || !sound(['audit', 'policy'])) return faults
  return audit.policy.flatMap(({ recordSessions }, index): Finding[] => recordSessions !== true ? [] : [{
    path: ['audit', 'policy', index, 'recordSessions'], message: 'needs a folder for the recordings: audit: { recordings: { folder: … } }',
  }])
}
