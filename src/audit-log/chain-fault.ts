/** Where a line is; `line` counts from 1. */
export interface Place {
  readonly file: string
  readonly line: number
}

/** A line with its link, as it was found. */
export interface Seen {
  readonly at: Place
  readonly digest: string
  readonly sequence: number
  /** In hex; undefined in a line of a version before the chain. */
  readonly previous: string | undefined
  readonly cut: string | undefined
}

/** Lines without a link between two that have one. */
export interface Foreign {
  readonly at: Place
  readonly lines: number
  /** As a link says it of what was cut. */
  readonly digest: string
  /** One of them is a whole JSON object, so no piece of a line of ours. */
  readonly whole: Place | undefined
}

export type FaultKind = 'changed' | 'missing' | 'added' | 'reordered' | 'begun-anew' | 'unsigned' | 'bad-signature'

/** The first thing that is wrong. */
export interface ChainFault {
  readonly kind: FaultKind
  readonly at: Place
  readonly message: string
}

/** What was found about a line that does not follow from the ones before, the rest of the log read. */
export interface Evidence {
  /** `previous` is the first line of all. */
  readonly first: boolean
  /** Digest of the first line with a link. */
  readonly begin: string | undefined
  readonly previous: Seen
  readonly current: Seen
  readonly foreign: Foreign | undefined
  /** The next line with a link. */
  readonly next: Seen | undefined
  /** Where the line is that should stand in `current`'s place. */
  readonly expectedAt: Place | undefined
  /** The sequence of `current` shows up once more. */
  readonly again: boolean
  /** A later line, or a signature, names `current` as it is. */
  readonly vouched: boolean
  /** A later line is the one that `current` names. */
  readonly parentLater: boolean
  /** The same of `previous`: it comes once more, or belongs behind a later line. */
  readonly previousAgain: boolean
  readonly previousBelongs: Place | undefined
}

const fault = (kind: FaultKind, at: Place, message: string): ChainFault => ({ kind, at, message })

/** Which line is to blame, and for what: a link breaks behind the line that was changed, not at it. */
export function blame(evidence: Evidence): ChainFault {
  const { previous, current, foreign } = evidence
  const due = previous.sequence + 1
  if (foreign?.whole !== undefined && current.sequence === due) return fault('added', foreign.whole, 'this line is none of the chain')
  if (current.sequence === due && current.previous === previous.digest) return blameCut(evidence)
  if (foreign !== undefined && current.sequence > due) return fault('changed', foreign.at, `where line ${due} of the chain should be stands what is none`)
  if (current.sequence === 1) return blameBegin(evidence)
  if (previous.previous === undefined && current.sequence > 1) return fault('changed', previous.at, 'its link is gone: the line after it is in the middle of a chain')
  if (current.sequence === due) return blameContent(evidence)
  return current.sequence < due ? blameRepeated(evidence) : blameGap(evidence)
}

function blameCut({ current, foreign }: Evidence): ChainFault {
  if (foreign === undefined) return fault('missing', current.at, 'what was left of a cut line, of which this line tells, is gone from before it')
  return current.cut === undefined
    ? fault('added', foreign.at, 'this line is none of the chain')
    : fault('changed', foreign.at, 'what was left of a cut line is not any more what the next line says of it')
}

function blameBegin(evidence: Evidence): ChainFault {
  const { first, begin, previous, current } = evidence
  if (current.digest === begin) return fault('added', current.at, 'the first line of the chain was there already')
  if (first && previous.previous !== undefined && (evidence.previousAgain || evidence.previousBelongs !== undefined)) return blameFirst(evidence)
  return fault('begun-anew', current.at, 'a chain begins anew here: the end of the log before was not there when the process started, or this is of another log')
}

/** What goes on behind the very first line does not go on from it. */
function blameFirst({ previous, previousAgain, previousBelongs }: Evidence): ChainFault {
  if (previousAgain) return fault('added', previous.at, `line ${previous.sequence} of the chain comes once more where it belongs`)
  if (previousBelongs !== undefined) return fault('reordered', previous.at, `it belongs behind ${place(previousBelongs)}`)
  return fault('changed', previous.at, 'its place in the chain is not the one before the next line')
}

function blameContent({ previous, current, next, expectedAt, vouched }: Evidence): ChainFault {
  if (expectedAt !== undefined) return fault('added', current.at, `the line that follows ${place(previous.at)} is ${place(expectedAt)}`)
  if (!vouched && next !== undefined) return fault('changed', current.at, 'neither the line before it nor the one after it fits')
  return fault('changed', previous.at, vouched
    ? `its SHA-256 is ${previous.digest}, and the line after it says ${current.previous}`
    : 'the line after it, the last one, says another SHA-256: one of the two was changed')
}

function blameRepeated(evidence: Evidence): ChainFault {
  const { first, previous, current, next, expectedAt, vouched } = evidence
  if (first && (evidence.previousAgain || evidence.previousBelongs !== undefined)) return blameFirst(evidence)
  const twin = current.sequence === previous.sequence && current.previous === previous.previous
  if (twin && vouched && current.digest !== previous.digest) return fault('added', previous.at, `${place(current.at)} has the same place in the chain, and the rest goes on from that one`)
  if (expectedAt === undefined && !twin) {
    if (first && vouched) return blameFirst(evidence)
    if (next?.sequence === previous.sequence + 2 || current.previous === previous.digest) return fault('changed', current.at, 'its place in the chain is not the one it stands in')
  }
  return fault('added', current.at, `line ${current.sequence} of the chain was there already`)
}

function blameGap({ previous, current, next, expectedAt, again, vouched, parentLater }: Evidence): ChainFault {
  const due = previous.sequence + 1
  if (expectedAt !== undefined) {
    return !again && (vouched || parentLater)
      ? fault('reordered', current.at, `this is line ${current.sequence} of the chain, and line ${due}, which belongs here, is ${place(expectedAt)}`)
      : fault('added', current.at, `the line that follows ${place(previous.at)} is ${place(expectedAt)}`)
  }
  if (current.previous === previous.digest || next?.sequence === due + 1) return fault('changed', current.at, 'its place in the chain is not the one it stands in')
  const count = current.sequence - due
  return fault('missing', current.at, `before this line ${count === 1 ? `line ${due} of the chain is` : `lines ${due} to ${current.sequence - 1} of the chain are`} missing, behind ${place(previous.at)}`)
}

export function place({ file, line }: Place): string {
  return `${file}:${line}`
}
