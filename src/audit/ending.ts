import type { Ending, Outcome } from '../model/trail.ts'

const words: Readonly<Record<Exclude<Ending, 'complete'>, string>> = {
  'caller-left': 'the caller left',
  'upstream-failed': 'the answer of the API server broke off',
  'revoked': 'the key or the scope that opened it is gone',
  'drained': 'Portcullis was shutting down',
  'unrecorded': 'the recording that the policy asks for could not be written',
}

/**
 * Why a stream or an answer ended before its time, where the API server's own event says "Connection closed
 * early" (k8s.io/apiserver pkg/endpoints/filters/audit.go). Of what the API server ended it says nothing there, either.
 */
export function endingWords(outcome: Outcome | undefined): string | undefined {
  return outcome === undefined || outcome.ending === 'complete' ? undefined : words[outcome.ending]
}
