import type { Admitted } from '../model/admitted.ts'
import type { RecordedSession } from '../model/trail.ts'
import type { SessionProtocol } from '../protocols/channels.ts'

/** Where the sessions are recorded that the policy says so of. */
export interface Recordings {
  /**
   * Begins one before anything goes upstream. `onLost`: called once where the recording cannot go on
   * and its session must not without it. Rejects with ProxyError AuditUnavailable where it cannot be
   * begun and must be.
   */
  open(admitted: Admitted, onLost: () => void): Promise<Recording>
}

/** One session's. What goes wrong with it is its own affair: nothing here throws, but for `begin`. */
export interface Recording {
  /** What the two sides will speak. Throws ProxyError AuditUnavailable where that cannot be recorded and must be. */
  begin(protocol: SessionProtocol): void
  /** Copies of what passes; taken at once, whatever the disk does. */
  fromCaller(chunk: Buffer): void
  fromUpstream(chunk: Buffer): void
  /** Writes what is held, within a bound, and tells what became of it. */
  end(): Promise<RecordedSession>
  /** There was no session: nothing is left of it. Within a bound as well: nobody waits for a disk that hangs. */
  discard(): Promise<void>
}
