import type { CallerDefinition } from '../model/caller.ts'
import type { CertificateCondition, PeerCertificate } from '../model/identity.ts'
import { ConditionIndex, type Mark } from './condition-index.ts'

interface Condition {
  readonly definition: CallerDefinition
  readonly condition: CertificateCondition
  /** Its place among all. */
  readonly order: number
}

/** Whose a client certificate is, of callers that do not change. */
export class CertificateOwners {
  readonly #callers: readonly CallerDefinition[]
  /** Made for the first certificate: a reload must hold nothing up. */
  #index: ConditionIndex<Condition> | undefined

  constructor(callers: readonly CallerDefinition[]) {
    this.#callers = callers
  }

  /** Each once. */
  of(certificate: PeerCertificate): readonly CallerDefinition[] {
    this.#index ??= new ConditionIndex(conditionsOf(this.#callers), ({ condition }) => marksOf(condition))
    const { subject, subjectAltNames, publicKeySha256 } = certificate
    const values: Readonly<Record<string, readonly unknown[]>> = { subject: [formOf(subject)], subjectAltNames, publicKeySha256: [publicKeySha256] }
    const found = [...this.#index.candidates(place => values[place] ?? [])].filter(({ condition }) => fits(condition, certificate))
    return [...new Set(found.sort((a, b) => a.order - b.order).map(({ definition }) => definition))]
  }
}

function conditionsOf(callers: readonly CallerDefinition[]): readonly Condition[] {
  const all = callers.flatMap(definition => (definition.identities?.certificates ?? []).map(condition => ({ definition, condition })))
  return all.map((one, order) => ({ ...one, order }))
}

function marksOf({ subject, subjectAltName, publicKeySha256 }: CertificateCondition): Mark[] {
  return [
    ...publicKeySha256 === undefined ? [] : [{ place: 'publicKeySha256', whole: publicKeySha256 }],
    ...subjectAltName === undefined ? [] : [{ place: 'subjectAltNames', whole: subjectAltName }],
    ...subject === undefined ? [] : [{ place: 'subject', whole: formOf(subject) }],
  ]
}

function fits({ subject, subjectAltName, publicKeySha256 }: CertificateCondition, certificate: PeerCertificate): boolean {
  const asked = [
    ...subject === undefined ? [] : [formOf(subject) === formOf(certificate.subject)],
    ...subjectAltName === undefined ? [] : [certificate.subjectAltNames.includes(subjectAltName)],
    ...publicKeySha256 === undefined ? [] : [certificate.publicKeySha256 === publicKeySha256],
  ]
  return asked.length > 0 && asked.every(met => met)
}

/** Every attribute with every value, in one order: `CN=ci` is not `CN=ci, O=others`, nor a subject with two names. */
function formOf(subject: PeerCertificate['subject']): string {
  return JSON.stringify(Object.keys(subject).sort().map(name => [name, subject[name]?.toSorted()]))
}
