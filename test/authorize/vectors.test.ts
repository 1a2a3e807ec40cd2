import t from 'tap'
import { createAuthorize } from '../../src/authorize/authorize.ts'
import { callerWith } from '../support/builders.ts'
import { facts } from '../support/questions.ts'
import { parseLines, sampleOf, toRule, wholeOf, type RuleVector } from '../support/vectors.ts'

const authorize = createAuthorize()

/** The vectors whose rule is matched otherwise. They settle matching alone: the guard may refuse what a rule allows. */
function disagreements(vectors: readonly RuleVector[]): object[] {
  return vectors.flatMap((vector) => {
    const { attributes } = vector
    const question = { attributes, upgrade: false, contentType: undefined, impersonation: undefined, cluster: facts() }
    const verdict = authorize(callerWith([toRule(vector)]), question)
    return (verdict.rule !== null) === vector.allow ? [] : [{ vector, verdict }]
  })
}

t.test('the committed tenth of the rules matches as RBAC matches', async (t) => {
  const vectors = parseLines<RuleVector>(sampleOf('rule-matches.jsonl'))
  t.equal(vectors.length, 400)
  t.strictSame(disagreements(vectors), [])
})

const { text, missing } = wholeOf('rule-matches.jsonl')
t.test('4,000 of 4,000 rules match as RBAC matches', { skip: missing }, async (t) => {
  const vectors = parseLines<RuleVector>(text)
  t.equal(vectors.length, 4_000)
  t.strictSame(disagreements(vectors), [])
})
