import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadCallers } from '../../src/callers/load.ts'

/** Faults of a caller with these groups. */
async function faultsOf(t: Test, groups: readonly string[]): Promise<string[]> {
  const folder = t.testdir({ 'callers.yaml': JSON.stringify({ callers: [{ name: 'ci', impersonate: { user: 'tool:ci', groups } }] }) })
  const { faults, callers } = await loadCallers([join(folder, 'callers.yaml')])
  return faults.length === 0 ? [] : [...faults.map(({ message }) => message), ...callers.map(({ name }) => `${name} is in force all the same`)]
}

t.test('a caller in system:masters would be judged by nobody: it is a fault, however it is written', async (t) => {
  t.strictSame(await faultsOf(t, ['tools']), [])
  t.match(await faultsOf(t, ['tools', 'system:masters']), [/system:masters/])
  // A header's value is trimmed on its way: what is not that group here would be it there.
  for (const group of ['system:masters ', ' system:masters', 'system:masters\t', '\tsystem:masters', 'x\r\nImpersonate-Group: system:masters', 'system:masters\u0000', 'ｓystem:masters']) {
    t.equal((await faultsOf(t, [group])).length, 1, JSON.stringify(group))
  }
})
