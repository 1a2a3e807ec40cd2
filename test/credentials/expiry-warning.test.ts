import t from 'tap'
import { noClaims } from '../../src/credentials/claims.ts'
import { watchExpiry } from '../../src/credentials/expiry-warning.ts'

const minute = 60_000

function watched(issuedAt: number | undefined, expiresAt: number | undefined) {
  const lines: string[] = []
  const state = { now: 0, trouble: undefined as string | undefined, claims: { ...noClaims, issuedAt, expiresAt }, look: () => {}, stopped: false }
  const stop = watchExpiry({
    credential: { facts: () => ({ kind: 'tokenFile', source: '', renewal: '', claims: state.claims, trouble: state.trouble }) },
    log: { warn: (_, message) => lines.push(`warn ${message}`), error: (_, message) => lines.push(`error ${message}`) },
    now: () => state.now,
    every: (_, run) => {
      state.look = run
      return () => { state.stopped = true }
    },
  })
  const at = (now: number) => {
    state.now = now
    state.look()
    return lines
  }
  return { at, state, stop }
}

const soon = 'warn the credential ends soon, and nobody has renewed it'
const over = 'error the credential has expired'

t.test('one line says it before the end, one at the end, however often it is looked at', async (t) => {
  const { at } = watched(0, 100 * minute)
  t.strictSame(at(89 * minute), [])
  t.strictSame(at(90 * minute), [soon])
  t.strictSame(at(95 * minute), [soon])
  t.strictSame(at(100 * minute), [soon, over])
  t.strictSame(at(200 * minute), [soon, over])
})

t.test('a renewed one is another', async (t) => {
  const { at, state } = watched(0, 100 * minute)
  at(95 * minute)
  state.claims = { ...noClaims, issuedAt: 95 * minute, expiresAt: 195 * minute }
  t.strictSame(at(150 * minute), [soon])
  t.strictSame(at(190 * minute), [soon, soon])
})

t.test('where it does not say since when it lives, it is the last hour', async (t) => {
  const { at } = watched(undefined, 1000 * minute)
  t.strictSame(at(939 * minute), [])
  t.strictSame(at(940 * minute), [soon])
})

t.test('of one without an end nothing is said', async (t) => {
  const { at, stop, state } = watched(undefined, undefined)
  t.strictSame(at(1e12), [])
  stop()
  t.equal(state.stopped, true)
})

t.test('an end that no date holds is told of all the same', async (t) => {
  const { at } = watched(0, 8.7e15)
  t.strictSame(at(8.6e15), [soon])
})

t.test('what the log was told already is not told again, but for the end', async (t) => {
  const { at, state } = watched(0, 100 * minute)
  state.trouble = 'no answer'
  t.strictSame(at(95 * minute), [])
  t.strictSame(at(100 * minute), [over])
})
