import t from 'tap'
import { runFaults } from '../support/fault-runs.ts'

t.test('a webhook that is down under load, in each mode: lines in are lines out', { timeout: 170_000 }, t => runFaults(t, 'webhook'))
