import { stat } from 'node:fs/promises'
import { place, type Seen } from '../audit-log/chain-fault.ts'
import { verifyChain, type Verified } from '../audit-log/chain-verify.ts'
import { printable } from '../authorize/quoted.ts'
import { whyUnreadable } from '../files/unreadable.ts'
import { messageOf, write, type Output } from './output.ts'
import { ProgressBar } from './progress-bar.ts'
import type { Watched } from './saying.ts'

export interface AuditVerifyArgs {
  readonly files: readonly string[]
  /** PEM; undefined: signatures are not looked at. */
  readonly publicKey?: string
  /** Folder; undefined: recordings are not looked at. */
  readonly recordings?: string
  readonly json?: boolean
}

export interface AuditVerifyDeps {
  readonly stdout: Output
  readonly stderr: Watched
}

/**
 * `portcullis audit verify`: the hash chain over the files of one log. Returns the exit code: 0 where it is sound,
 * 1 where a line, or a recording, is not what was written, 2 where that cannot be told.
 */
export async function auditVerifyCommand({ files, publicKey, recordings, json = false }: AuditVerifyArgs, { stdout, stderr }: AuditVerifyDeps): Promise<number> {
  try {
    if (recordings !== undefined) await requireFolder(recordings)
    const total = (await Promise.all(files.map(file => stat(file)))).reduce((sum, { size }) => sum + size, 0)
    const progress = new ProgressBar({ stderr, what: 'portcullis audit verify', total, now: () => performance.now() })
    const verified = await verifyChain(files, { publicKeyFile: publicKey, recordingsFolder: recordings, onRead: bytes => progress.add(bytes) }).finally(() => progress.end())
    await write(stdout, json ? `${JSON.stringify(toJson(verified))}\n` : `${toText(verified)}\n`)
    if (verified.fault !== undefined || (verified.recordings?.changed.length ?? 0) > 0) return 1
    return verified.first === undefined ? 2 : 0
  } catch (error) {
    await write(stderr, `portcullis audit verify: ${messageOf(error)}\n`)
    return 2
  }
}

async function requireFolder(folder: string): Promise<void> {
  const why = await stat(folder).then(found => found.isDirectory() ? undefined : 'is no folder', whyUnreadable)
  if (why !== undefined) throw new Error(`--recordings ${folder} ${why}: name the folder that the config has as audit.recordings.folder, or a copy of it`)
}

function toJson(verified: Verified): object {
  const { fault, files, lines, unlinked, first, last, cut, openEnd, signed, recordings } = verified
  // Nothing is known of a log without links.
  const chainSound = first === undefined && fault === undefined ? null : fault === undefined
  const recordingsSound = recordings === undefined ? null : recordings.changed.length === 0
  return {
    sound: recordingsSound === false ? false : chainSound,
    chainSound, recordingsSound,
    fault: fault === undefined ? null : { kind: fault.kind, ...fault.at, message: fault.message },
    files, lines, unlinked,
    begins: first === undefined ? null : { ...first.at, sequence: first.sequence },
    ends: last === undefined ? null : { ...last.at, sequence: last.sequence, digest: last.digest, wholeLine: openEnd === undefined },
    signed: signed ?? null,
    recordings: recordings ?? null,
    cut: cut.map(({ at, lines }) => ({ ...at, lines })),
  }
}

/** The verdict comes first: what was changed, be it a line or a recording. */
function toText(verified: Verified): string {
  const changed = verified.recordings?.changed.length ?? 0
  if (changed === 0) return [chainText(verified), ...recordingLines(verified)].join('\n')
  const verdict = `not sound: ${changed} ${changed === 1 ? 'recording is' : 'recordings are'} not what was written`
  return [verdict, ...changedLines(verified), `the log: ${chainText(verified)}`, ...recordingLines(verified)].join('\n')
}

function changedLines({ recordings }: Verified): string[] {
  return recordings?.changed.map(({ name, at }) => `${place(at)}: changed: the recording ${name} is not the one whose SHA-256 this event has`) ?? []
}

/** Files that are named one by one. */
const named = 20

function recordingLines({ recordings }: Verified): string[] {
  if (recordings === undefined) return []
  const { sound, changed, missing, unnamed } = recordings
  const more = unnamed.length - named
  return [
    ...missing.map(({ name, at }) => `${place(at)}: the recording ${name} is not there: deleted for its age (keepFor), or taken away`),
    ...unnamed.slice(0, named).map(name => printable(`no event here names ${name}: ${name.endsWith('.part') ? 'its session is open, or a crash left it so' : 'its session is in other files of the log, or it is none of ours'}`)),
    ...more > 0 ? [`nor ${more} more`] : [],
    `recordings: ${sound} sound, ${changed.length} changed, ${missing.length} missing${unnamed.length === 0 ? '' : `, ${unnamed.length} that no event here names`}`,
  ]
}

function chainText(verified: Verified): string {
  const { fault } = verified
  if (fault !== undefined) return `${place(fault.at)}: ${fault.kind}: ${fault.message}`
  const { files, lines, first, last } = verified
  if (first === undefined || last === undefined) return `nothing is known: no line has a link, so that ${files.join(', ')} ${files.length === 1 ? 'is' : 'are'} empty, of a version before the hash chain, of another sink, or stripped`
  const sound = `sound: ${lines} lines in ${files.length} ${files.length === 1 ? 'file' : 'files'}, ${first.sequence} to ${last.sequence} of the chain`
  return [sound, ...notesOf(verified)].join('\n')
}

/** What is no fault and still worth knowing: where the proof ends. */
function notesOf({ first, last, unlinked, cut, openEnd, signed }: Verified): string[] {
  const notes: string[] = []
  if (unlinked > 0) notes.push(`the first ${unlinked} lines are of a version before the hash chain: of those nothing is known`)
  else if (first !== undefined && first.sequence > 1) notes.push(`lines 1 to ${first.sequence - 1} of the chain are in older files, which are not here`)
  for (const { at } of cut) notes.push(`${place(at)}: what a crash or a full disk left of a line; the chain tells of it, and goes on`)
  if (openEnd !== undefined) notes.push(`${place(openEnd)}: the end is in the middle of a line, as a crash or a full disk leaves it: the next start goes on behind it`)
  if (last !== undefined) notes.push(endWords(last, signed))
  return notes
}

function endWords({ at, sequence }: Seen, signed: Verified['signed']): string {
  if (signed === undefined) return `the end is ${place(at)}: whether lines behind it were cut off, or the log rewritten up to there, a chain without signatures does not tell`
  const by = `${signed.signatures} ${signed.signatures === 1 ? 'signature' : 'signatures'}`
  if (signed.upTo >= sequence) return `${by}: every line up to the end, ${place(at)}, is signed`
  return `${by}, up to line ${signed.upTo} of the chain; the ${sequence - signed.upTo} behind it are not signed yet: whether they were rewritten, or more of them cut off, is not known`
}
