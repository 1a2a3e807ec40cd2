import type { Recordings } from '../../src/recordings/recordings.ts'

/** For tunnels whose trail wants none. */
export const noRecordings: Recordings = {
  open: () => Promise.reject(new Error('nobody wants a recording here')),
}
