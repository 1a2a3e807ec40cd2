import t from 'tap'
import { runFaults } from '../support/fault-runs.ts'

t.test('a disk that is full under load, in each mode: lines in are lines out', { timeout: 170_000 }, t => runFaults(t, 'disk'))
