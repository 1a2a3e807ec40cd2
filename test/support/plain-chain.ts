import type { Chain } from '../../src/audit-log/chain.ts'

/** Lines as they are: for tests of what a file sink does with its files, whatever is in the lines. */
export function plainChain(): Chain {
  return {
    resume: () => Promise.resolve(),
    link: chunk => ({ bytes: chunk, lines: [] }),
    wrote: ({ bytes }, written) => bytes.subarray(0, written).filter(byte => byte === 10).length,
    segment: () => undefined,
    nextFile() {},
  }
}
