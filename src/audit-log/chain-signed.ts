import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { ChainFault, Place, Seen } from './chain-fault.ts'
import { ed25519, statementType, type Statement } from './chain-sign.ts'

/** A public key in PEM from a file. Rejects, naming it, where there is none in it. */
export async function readPublicKey(file: string): Promise<KeyObject> {
  const pem = await readFile(file, 'utf8')
  return ed25519(file, createPublicKey, pem, 'a public Ed25519 key in PEM: openssl pkey -in PRIVATE -pubout prints it')
}

interface Claim extends Statement {
  readonly at: Place
}

/** What the signatures beside the files of a log say, held against its lines as they are read. */
export class Signatures {
  readonly #claims: readonly Claim[]
  readonly #digests = new Map<number, string>()
  /** The first signature that is none of the key's. */
  readonly fault: ChainFault | undefined

  constructor(claims: readonly Claim[], fault: ChainFault | undefined) {
    this.#claims = claims
    this.fault = fault
    for (const { first, last } of claims) for (const { sequence, digest } of [first, last]) this.#digests.set(sequence, digest)
  }

  get count(): number {
    return this.#claims.length
  }

  /** The last line that a signature covers; 0 for none. */
  get upTo(): number {
    return Math.max(0, ...this.#claims.map(({ last }) => last.sequence))
  }

  /** Whether a signature names the line as it is; undefined where none names it. */
  names({ sequence, digest }: Seen): boolean | undefined {
    const signed = this.#digests.get(sequence)
    return signed === undefined ? undefined : signed === digest
  }

  /** Lines that were signed and are not among those that are there, in a log that has no other fault. */
  missing(first: Seen | undefined, last: Seen | undefined): ChainFault | undefined {
    const begin = this.#claims.find(claim => claim.first.sequence < (first?.sequence ?? Infinity))
    const end = this.#claims.find(claim => claim.last.sequence === this.upTo)
    if (end !== undefined && (last === undefined || last.sequence < this.upTo)) {
      const at = last === undefined ? { file: end.at.file, line: 1 } : { file: last.at.file, line: last.at.line + 1 }
      return { kind: 'missing', at, message: `the end was cut off: lines ${(last?.sequence ?? end.first.sequence - 1) + 1} to ${this.upTo} of the chain were signed (${end.at.file}:${end.at.line}) and are not there` }
    }
    if (begin === undefined || first === undefined) return undefined
    return { kind: 'missing', at: first.at, message: `lines ${begin.first.sequence} to ${first.sequence - 1} of the chain, which ${begin.at.file}:${begin.at.line} says are in this file, are missing before this one` }
  }
}

/** The signatures beside these files, one a line of `<file>.jws`, where there are any. */
export async function readSignatures(files: readonly string[], key: KeyObject): Promise<Signatures> {
  const claims: Claim[] = []
  for (const file of files) {
    const path = `${file.replace(/\.gz$/, '')}.jws`
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
    for (const [index, jws] of text.split('\n').entries()) {
      const at = { file: path, line: index + 1 }
      // The last one may have been cut by a crash: it then covers nothing.
      if (jws === '' || (index === text.split('\n').length - 1)) continue
      const statement = await open(jws, key)
      if (statement === undefined) return new Signatures(claims, { kind: 'bad-signature', at, message: 'this signature is not one of the given key over an audit file' })
      claims.push({ ...statement, at })
    }
  }
  return new Signatures(claims, undefined)
}

async function open(jws: string, key: KeyObject): Promise<Statement | undefined> {
  const { compactVerify } = await import('jose')
  try {
    const { payload, protectedHeader } = await compactVerify(jws, key, { algorithms: ['EdDSA'] })
    return protectedHeader.typ === statementType ? JSON.parse(Buffer.from(payload).toString()) as Statement : undefined
  } catch {
    return undefined
  }
}
