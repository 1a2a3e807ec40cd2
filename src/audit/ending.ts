import type { Ending, Outcome } from '../model/trail.ts'

const words: Readonly<Record<Ending, string>> = {
  'complete': 'the API server ended the stream',
  'caller-left': 'the caller left',
  'upstream-failed': 'the answer of the API server broke off',
  'revoked': 'the key or the scope that opened it is gone',
  'drained': 'Portcullis was shutting down',
  'unrecorded': 'the recording that the policy asks for could not be written',
}

/**
 * Why a stream ended, or an answer broke off, where the API server's own event says "Connection closed
 * early" (k8s.io/apiserver pkg/endpoints/filters/audit.go). Nothing of an answer that came through whole.
 */
export function endingWords(outcome: Outcome | undefined, stream: boolean): string | undefined {
  return outcome !== undefined && (stream || outcome.ending !== 'complete') ? words[outcome.ending] : undefined
}
