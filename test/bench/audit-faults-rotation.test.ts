import t from 'tap'
import { runFaults } from '../support/fault-runs.ts'

t.test('rotation under load, with two workers: lines in are lines out, and one chain', { timeout: 170_000 }, t => runFaults(t, 'rotation'))
