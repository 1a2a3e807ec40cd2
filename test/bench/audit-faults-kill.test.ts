import t from 'tap'
import { runFaults } from '../support/fault-runs.ts'

t.test('killed under load: every request that went up, or was answered, is in the log', { timeout: 170_000 }, t => runFaults(t, 'kill'))
