import type { Admitted } from '../../src/model/admitted.ts'
import type { Arrival } from '../../src/model/arrival.ts'
import type { Attributes, Resolved } from '../../src/model/attributes.ts'
import type { Caller, CallerDefinition, Rule } from '../../src/model/caller.ts'
import type { Facts, Outcome, Trail } from '../../src/model/trail.ts'
import type { Question, Verdict } from '../../src/model/verdict.ts'

/** A GET of the pods of namespace `a` over HTTP/1.1 with no headers, unless told otherwise. */
export function arrival(overrides: Partial<Arrival> = {}): Arrival {
  return {
    auditId: '11111111-2222-4333-8444-555555555555',
    receivedAt: Date.UTC(2026, 10, 21, 10),
    method: 'GET',
    target: '/api/v1/namespaces/a/pods',
    rawHeaders: [],
    httpVersion: '1.1',
    upgrade: false,
    sourceIPs: ['127.0.0.1'],
    ...overrides,
  }
}

/** A list of the pods of namespace `a`. */
export function attributes(overrides: Partial<Attributes> = {}): Attributes {
  return {
    isResourceRequest: true,
    path: '/api/v1/namespaces/a/pods',
    verb: 'list',
    apiPrefix: 'api',
    apiGroup: '',
    apiVersion: 'v1',
    namespace: 'a',
    resource: 'pods',
    subresource: '',
    name: '',
    ...overrides,
  }
}

export function resolved(overrides: Partial<Omit<Resolved, 'attributes'>> & { attributes?: Partial<Attributes> } = {}): Resolved {
  return {
    cluster: undefined,
    target: '/api/v1/namespaces/a/pods',
    longRunning: false,
    ...overrides,
    attributes: attributes(overrides.attributes),
  }
}

/** What a rule leaves out is an empty list, as after loading; namespaces and groups are the open ones. */
export function rule(overrides: Partial<Rule> = {}): Rule {
  return {
    verbs: [], apiGroups: [''], resources: [], resourceNames: [], nonResourceURLs: [],
    namespaces: ['*'], acknowledge: [],
    ...overrides,
  }
}

export function definition(overrides: Partial<CallerDefinition> = {}): CallerDefinition {
  return {
    name: 'ci',
    grants: [],
    clusters: undefined,
    discovery: true,
    limits: { requestsPerSecond: undefined, burst: undefined, inFlight: undefined, streams: undefined },
    allowedFrom: undefined,
    impersonate: undefined,
    ...overrides,
  }
}

/** A caller whose own rules are these. */
export function callerWith(rules: readonly Partial<Rule>[] = [], overrides: Partial<CallerDefinition> = {}): Caller {
  const grants = rules.length === 0 ? [] : [{ scope: null, rules: rules.map(rule), namespaces: undefined }]
  return { definition: definition({ grants, ...overrides }), credentialId: 'aaaaaaaa', expiresAt: undefined }
}

export const allowed: Verdict = { allowed: true, code: null, rule: null, reason: 'allowed by the test' }

/** Something that admit let through. Only tests make one by hand. */
export function admitted(overrides: Partial<Omit<Admitted, 'question'>> & { question?: Partial<Question> } = {}): Admitted {
  const given = overrides.resolved ?? resolved()
  const question: Question = {
    attributes: given.attributes,
    upgrade: overrides.arrival?.upgrade ?? false,
    contentType: undefined,
    impersonation: undefined,
    cluster: {
      name: overrides.cluster ?? 'prod', openshift: false, account: undefined, bootstrapAccount: undefined, accountPending: false,
      restrictedIn: new Set(), settled: true, ownNamespaces: [],
    },
    ...overrides.question,
  }
  return {
    arrival: arrival({ target: given.target }), caller: callerWith(), cluster: 'prod', verdict: allowed,
    ...overrides, resolved: given, question,
  } as Admitted
}

export interface RecordedTrail extends Trail {
  /** Every note, merged. */
  readonly facts: Facts
  readonly startedWith: number | undefined
  /** What the first `finish` said. */
  readonly outcome: Outcome | undefined
  readonly finished: Promise<Outcome>
}

/** A trail that pushes every note onto `notes` and keeps how it ended. */
export function trailOf(notes: object[] = [], { recorded = false } = {}): RecordedTrail {
  return new MemoryTrail(notes, recorded)
}

class MemoryTrail implements RecordedTrail {
  facts: Facts = {}
  startedWith: number | undefined
  outcome: Outcome | undefined
  readonly finished: Promise<Outcome>
  readonly #notes: object[]
  readonly #recorded: boolean
  readonly #listeners: ((outcome: Outcome) => void)[] = []

  constructor(notes: object[], recorded: boolean) {
    this.#notes = notes
    this.#recorded = recorded
    this.finished = new Promise((resolve) => this.onFinish(resolve))
  }

  note(facts: Facts): void {
    this.#notes.push(facts)
    this.facts = { ...this.facts, ...facts }
  }

  admit(): undefined {
    return undefined
  }

  bodies(): undefined {
    return undefined
  }

  recordsSession(): boolean {
    return this.#recorded
  }

  started(status: number): void {
    this.startedWith = status
  }

  finish(outcome: Outcome): void {
    this.outcome ??= outcome
    for (const listener of this.#listeners.splice(0)) listener(this.outcome)
  }

  onFinish(listener: (outcome: Outcome) => void): void {
    if (this.outcome === undefined) this.#listeners.push(listener)
    else listener(this.outcome)
  }
}
