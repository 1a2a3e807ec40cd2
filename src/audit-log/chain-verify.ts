import { ChainCheck, type Checked } from './chain-check.ts'
import type { ChainFault } from './chain-fault.ts'
import { eachLine } from './chain-lines.ts'
import { inOrder } from './chain-order.ts'
import { NamedRecordings, type CheckedRecordings } from './named-recordings.ts'
import { readPublicKey, readSignatures, Signatures } from './chain-signed.ts'

export interface VerifyOptions {
  /** PEM file of the key that the signatures beside the files are of; undefined: they are not looked at. */
  readonly publicKeyFile?: string | undefined
  /** Folder of the recordings that the log names; undefined: they are not looked at. */
  readonly recordingsFolder?: string | undefined
  /** Told of bytes as they are read. */
  readonly onRead?: (bytes: number) => void
}

export interface Verified extends Checked {
  /** Oldest first. */
  readonly files: readonly string[]
  /** How many signatures there are, and the number of the last line that they cover; undefined where they were not looked at. */
  readonly signed: { readonly signatures: number, readonly upTo: number } | undefined
  /** Undefined where they were not looked at. */
  readonly recordings: CheckedRecordings | undefined
}

/**
 * Checks the hash chain over the files of one log, plain or `.gz`, in whatever order they are given, and with a key
 * the signatures. Rejects where a file cannot be read; what is wrong with the lines is no rejection but the first fault.
 */
export async function verifyChain(given: readonly string[], { publicKeyFile, recordingsFolder, onRead }: VerifyOptions = {}): Promise<Verified> {
  const key = publicKeyFile === undefined ? undefined : await readPublicKey(publicKeyFile)
  // Whoever names `audit*` names the signatures, too.
  const files = await inOrder([...new Set(given)].filter(file => !file.endsWith('.jws')))
  const signatures = key === undefined ? new Signatures([], undefined) : await readSignatures(files, key)
  const check = new ChainCheck(seen => signatures.names(seen))
  const named = new NamedRecordings()
  for (const file of files) {
    let line = 0
    const take = (bytes: Buffer, ended: boolean) => {
      const at = { file, line: ++line }
      check.take(bytes, ended, at)
      if (recordingsFolder !== undefined) named.take(bytes, at)
    }
    await eachLine(file, take, onRead === undefined ? {} : { onRead })
  }
  const recordings = recordingsFolder === undefined ? undefined : await named.check(recordingsFolder)
  const checked = check.end()
  if (key === undefined) return { ...checked, files, signed: undefined, recordings }
  const fault = checked.fault ?? signatures.fault ?? signatures.missing(checked.first, checked.last) ?? unsigned(checked, files, signatures)
  return { ...checked, fault, files, signed: { signatures: signatures.count, upTo: signatures.upTo }, recordings }
}

/** Only what is written still may have lines that are not signed yet: a signature covers all that is before it. */
function unsigned({ last, lastOf }: Checked, files: readonly string[], { upTo }: Signatures): ChainFault | undefined {
  if (upTo === 0 && last !== undefined) return { kind: 'unsigned', at: last.at, message: 'no signature is beside these files: signingKeyFile was not set, or they were taken away' }
  const bare = files.slice(0, -1).map(file => lastOf.get(file)).find(seen => seen !== undefined && seen.sequence > upTo)
  return bare === undefined ? undefined : { kind: 'unsigned', at: bare.at, message: `this file was put aside, and no signature covers it: ${bare.at.file.replace(/\.gz$/, '')}.jws was taken away, or the process was killed` }
}
