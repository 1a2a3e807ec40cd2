import type { Arrival } from '../model/arrival.ts'
import type { Trail } from '../model/trail.ts'

export interface Audit {
  open(arrival: Arrival): Trail
  /** False while a sink cannot write. */
  healthy(): boolean
  /** Writes what is still held. */
  close(): Promise<void>
}
