import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { readAttributes } from '../../src/resolve/path.ts'
import { resolveTarget } from '../../src/resolve/resolve.ts'
import { parseLines, sampleOf, wholeOf, type AttributesVector } from '../support/vectors.ts'

/** The vectors that are read otherwise, by the resolver alone or behind the checks of the target. */
function disagreements(vectors: readonly AttributesVector[]): object[] {
  return vectors.flatMap((vector) => {
    const expected = 'info' in vector ? vector.info : undefined
    const [path = '', query = ''] = vector.url.split(/\?(.*)/s)
    const pure = readAttributes(vector.method, decodeURIComponent(path), query)
    const checked = tryResolve(vector)
    return isDeepStrictEqual(pure, expected) && isDeepStrictEqual(checked, expected) ? [] : [{ vector, pure, checked }]
  })
}

function tryResolve({ method, url }: AttributesVector) {
  try {
    return resolveTarget(method, url).attributes
  } catch {
    return undefined
  }
}

t.test('the committed tenth of the vectors is read as the API server reads it', async (t) => {
  const vectors = parseLines<AttributesVector>(sampleOf('request-attributes.jsonl'))
  t.equal(vectors.length, 400)
  t.strictSame(disagreements(vectors), [])
})

const { text, missing } = wholeOf('request-attributes.jsonl')
t.test('4,000 of 4,000 requests are read as the API server reads them', { skip: missing }, async (t) => {
  const vectors = parseLines<AttributesVector>(text)
  t.equal(vectors.length, 4_000)
  t.strictSame(disagreements(vectors), [])
})
