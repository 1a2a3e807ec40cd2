import type { Config } from '../config/config.ts'
import type { Fault } from '../files/fault.ts'
import type { Answer, Ask, Kind } from '../limits/ledger.ts'
import type { Check } from '../listen/admin.ts'
import type { MetricValues } from '../metrics/primary.ts'

// What the primary and its workers say to each other: plain data, as JSON. Credentials, keys and
// bodies never pass here; a config only refers to them.

/** From the primary to a worker. */
export type ToWorker = Start | Drain | Question | Audited | Answers
/** From a worker to the primary. */
export type ToPrimary = Ready | Listening | Applied | Failed | Told | AuditLines | LedgerTurn

/** It listens to what it is told: what is sent before that, is lost. */
export interface Ready {
  readonly kind: 'ready'
}

/** The first that a worker hears. */
export interface Start {
  readonly kind: 'start'
  /** Counts from 1; whoever replaces a worker has its number. */
  readonly worker: number
  readonly workers: number
  /** Of the start of all: what only a restart changes is as it says. */
  readonly started: Config
  /** In force by now. */
  readonly config: Config
  /** Where the others listen, once one has listened; 0: as the config says. */
  readonly port: number
}

/** Finish what is under way and end; milliseconds, see `drain`. */
export interface Drain {
  readonly kind: 'drain'
  readonly notice: number
  readonly patience: number
}

export interface Listening {
  readonly kind: 'listening'
  readonly port: number
}

/** It has put another config in force: whoever comes later begins with that. */
export interface Applied {
  readonly kind: 'applied'
  readonly config: Config
}

/** It could not start, and ends. */
export interface Failed {
  readonly kind: 'failed'
  readonly message: string
  /** Of files, where that is why. */
  readonly faults: readonly Fault[]
}

/** For the admin listener. */
export interface Question {
  readonly kind: 'question'
  readonly id: number
  readonly about: Told['about']['kind']
}

export interface Told {
  readonly kind: 'told'
  readonly id: number
  readonly about:
    | { readonly kind: 'checks', readonly checks: readonly Check[] }
    | { readonly kind: 'metrics', readonly metrics: MetricValues }
}

/** Lines for every sink, in order. `now`: a request may wait for them, so they are answered when they are written; else at once. */
export interface AuditLines {
  readonly kind: 'audit'
  readonly id: number
  readonly now: boolean
  readonly lines: readonly string[]
}

export interface Audited {
  readonly kind: 'audited'
  readonly id: number
  /** Why they could not be written for now: the sinks keep them and try again. */
  readonly error?: string
}

/** What came together in one turn of a worker's loop. */
export interface LedgerTurn {
  readonly kind: 'ledger'
  readonly asks: readonly { readonly id: number, readonly ask: Ask }[]
  readonly givenBack: readonly { readonly caller: string, readonly kind: Kind }[]
}

export interface Answers {
  readonly kind: 'answers'
  readonly answers: readonly { readonly id: number, readonly answer: Answer }[]
}
