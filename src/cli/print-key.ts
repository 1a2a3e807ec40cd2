import type { CallersDeps } from './callers-deps.ts'
import { endWords, type Minted } from './key-life.ts'
import { messageOf, write } from './output.ts'

/** The key on stdout, what there is to know of it on stderr. It is in its store by now: where it cannot be printed, nobody has it. */
export async function printKey({ key, record }: Minted, caller: string, where: string, { stdout, stderr }: CallersDeps): Promise<void> {
  await write(stdout, `${key}\n`).catch((error: unknown) => {
    throw new Error(`the key could not be printed (${messageOf(error)}), so nobody has it: portcullis key revoke ${record.id}`, { cause: error })
  })
  await write(stderr, `key ${record.id} of caller ${caller}, ${endWords(record)}: its digest is in ${where}. The key itself is shown this once.\n`)
}
