import { createHash, type Hash } from 'node:crypto'
import { isObject } from './chain-end.ts'
import { blame, type ChainFault, type Evidence, type Foreign, type Place, type Seen } from './chain-fault.ts'
import { chainBegin, digestOf, readLink } from './chain-link.ts'

/** What remains of a line that a crash cut off, and which the chain itself tells of. */
export interface CutLine {
  readonly at: Place
  readonly lines: number
}

export interface Checked {
  readonly fault: ChainFault | undefined
  /** The first line with a link, and the last line before any fault. */
  readonly first: Seen | undefined
  readonly last: Seen | undefined
  /** The last sound line of each file. */
  readonly lastOf: ReadonlyMap<string, Seen>
  /** With a link. */
  readonly lines: number
  /** Whole lines before the first with a link: of a version before the chain. */
  readonly unlinked: number
  readonly cut: readonly CutLine[]
  /** An end in the middle of a line. */
  readonly openEnd: Place | undefined
}

/** Whether a signature names the line as it is; undefined where none names it. */
export type Vouch = (seen: Seen) => boolean | undefined

/**
 * Follows a chain line by line, in constant memory. At the first line that does not follow it goes on
 * reading, for what comes later tells what it was that happened there.
 */
export class ChainCheck {
  readonly #vouch: Vouch
  #first: Seen | undefined
  #before: Seen | undefined
  #last: Seen | undefined
  readonly #lastOf = new Map<string, Seen>()
  #lines = 0
  #unlinked = 0
  #cut: CutLine[] = []
  #foreign: ForeignLines | undefined
  #fault: ChainFault | undefined
  #suspect: Suspect | undefined

  constructor(vouch: Vouch = () => undefined) {
    this.#vouch = vouch
  }

  /** A line without its line break; `ended` says whether it had one. */
  take(line: Buffer, ended: boolean, at: Place): void {
    const link = readLink(line)
    if (link !== undefined) return this.#takeLinked({ at, digest: digestOf(line), ...link })
    if (this.#suspect !== undefined || this.#fault !== undefined) return
    if (this.#first === undefined && this.#foreign === undefined && ended && isObject(line)) return this.#takeUnlinked(line, at)
    this.#foreign ??= new ForeignLines(at)
    this.#foreign.add(line, ended, at)
  }

  end(): Checked {
    const fault = this.#fault ?? (this.#suspect === undefined ? this.#endFault() : blame(this.#suspect.evidence()))
    const openEnd = fault === undefined ? this.#foreign?.at : undefined
    return { fault, first: this.#first, last: this.#last, lastOf: this.#lastOf, lines: this.#lines, unlinked: this.#unlinked, cut: this.#cut, openEnd }
  }

  #takeUnlinked(line: Buffer, at: Place): void {
    this.#unlinked += 1
    this.#before = this.#last
    this.#last = { at, digest: digestOf(line), sequence: 0, previous: undefined, cut: undefined }
  }

  #takeLinked(seen: Seen): void {
    if (this.#fault !== undefined) return
    if (this.#suspect !== undefined) return this.#suspect.look(seen)
    const foreign = this.#foreign?.found()
    this.#fault = this.#last === undefined ? beginFault(seen, foreign) : undefined
    if (this.#fault !== undefined) return
    if (this.#last !== undefined && !follows(this.#last, seen, foreign)) {
      this.#suspect = new Suspect({ first: this.#before === undefined, begin: this.#first?.digest, previous: this.#last, current: seen, foreign }, this.#vouch)
      return
    }
    if (this.#vouch(seen) === false) {
      this.#fault = { kind: 'changed', at: seen.at, message: 'it is not what was signed: it was changed, or a line before it and with that all links from there' }
      return
    }
    if (foreign !== undefined) this.#cut.push({ at: foreign.at, lines: foreign.lines })
    this.#foreign = undefined
    this.#first ??= seen
    this.#before = this.#last
    this.#last = seen
    this.#lastOf.set(seen.at.file, seen)
    this.#lines += 1
  }

  /** The piece of a line at the end is what a crash leaves; a whole line that is none of ours is not. */
  #endFault(): ChainFault | undefined {
    const whole = this.#foreign?.found().whole
    return whole === undefined ? undefined : { kind: 'added', at: whole, message: 'this line is none of the chain' }
  }
}

function follows(last: Seen, seen: Seen, foreign: Foreign | undefined): boolean {
  return seen.sequence === last.sequence + 1 && seen.previous === last.digest && isTold(seen, foreign)
}

function isTold(seen: Seen, foreign: Foreign | undefined): boolean {
  return seen.cut === foreign?.digest && foreign?.whole === undefined
}

/** Of the first line of all that is there: older files may be gone, but the beginning of a chain is the line with the number 1. */
function beginFault(seen: Seen, foreign: Foreign | undefined): ChainFault | undefined {
  if ((seen.previous === chainBegin) !== (seen.sequence === 1)) return { kind: 'changed', at: seen.at, message: 'it says that it begins a chain, and that it does not' }
  if (isTold(seen, foreign)) return undefined
  if (foreign === undefined) return undefined
  return { kind: seen.cut === undefined && seen.sequence === 1 ? 'added' : 'changed', at: foreign.at, message: 'this line is none of the chain' }
}

class ForeignLines {
  readonly #at: Place
  readonly #hash: Hash = createHash('sha256')
  #lines = 0
  #whole: Place | undefined

  constructor(at: Place) {
    this.#at = at
  }

  get at(): Place {
    return this.#at
  }

  add(line: Buffer, ended: boolean, at: Place): void {
    this.#lines += 1
    this.#hash.update(line).update('\n')
    if (ended && isObject(line)) this.#whole ??= at
  }

  found(): Foreign {
    return { at: this.#at, lines: this.#lines, digest: this.#hash.copy().digest('hex'), whole: this.#whole }
  }
}

type Found = Omit<Evidence, 'next' | 'expectedAt' | 'again' | 'vouched' | 'parentLater' | 'previousAgain' | 'previousBelongs'>

/** A line that does not follow, and what the rest of the log says of it. */
class Suspect {
  readonly #evidence: Found
  #next: Seen | undefined
  #expectedAt: Place | undefined
  #again = false
  #vouched: boolean
  #parentLater = false
  #previousAgain = false
  #previousBelongs: Place | undefined

  constructor(found: Found, vouch: Vouch) {
    this.#evidence = found
    this.#vouched = vouch(found.current) === true
    this.#lookForPrevious(found.current)
  }

  look(seen: Seen): void {
    const { previous, current } = this.#evidence
    this.#next ??= seen
    if (seen.sequence === previous.sequence + 1 && seen.previous === previous.digest) this.#expectedAt ??= seen.at
    if (seen.sequence === current.sequence) this.#again = true
    if (seen.previous === current.digest) this.#vouched = true
    if (seen.digest === current.previous) this.#parentLater = true
    this.#lookForPrevious(seen)
  }

  #lookForPrevious(seen: Seen): void {
    const { previous } = this.#evidence
    if (seen.digest === previous.digest) this.#previousAgain = true
    if (seen.digest === previous.previous) this.#previousBelongs ??= seen.at
  }

  evidence(): Evidence {
    return {
      ...this.#evidence, next: this.#next, expectedAt: this.#expectedAt,
      again: this.#again, vouched: this.#vouched, parentLater: this.#parentLater,
      previousAgain: this.#previousAgain, previousBelongs: this.#previousBelongs,
    }
  }
}
