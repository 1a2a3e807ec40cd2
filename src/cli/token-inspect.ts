import { requireConfig } from '../config/load.ts'
import { redactSecrets } from '../redaction/redact.ts'
import { durationWords } from './duration-words.ts'
import { findCluster } from './find-cluster.ts'
import { inspectCredential, type Inspected } from './inspect-credential.ts'
import type { OpenOptions } from './open-client.ts'
import { messageOf, write, type Output } from './output.ts'
import { saying, silence, type Watched } from './saying.ts'

export interface TokenInspectArgs {
  readonly configFile: string
  /** Default: every one. */
  readonly cluster?: string | undefined
  readonly json?: boolean
  /** Read credentials though every user of this machine may. */
  readonly allowLoose?: boolean
  /** No cluster is asked whether it takes the credential. */
  readonly offline?: boolean
}

export interface TokenInspectDeps extends Pick<OpenOptions, 'env' | 'podFolder'> {
  readonly stdout: Output
  /** Told what is waited for where somebody is looking. */
  readonly stderr: Watched
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds: for a credential to be had, for a cluster to say who we are, and until somebody is told to wait. */
  readonly patience?: { readonly obtain: number, readonly ask: number, readonly silent: number }
}

const patient = { obtain: 60_000, ask: 5000, silent: silence }

/**
 * `portcullis token inspect`: of each cluster's credential whose it is, until when, and how it
 * renews; never the credential. Returns the exit code: 0, or 1 where one cannot
 * be had, has ended or is not accepted.
 */
export async function tokenInspectCommand(args: TokenInspectArgs, deps: TokenInspectDeps): Promise<number> {
  try {
    const { config } = await requireConfig(args.configFile)
    const clusters = args.cluster === undefined ? config.clusters : [findCluster(config.clusters, args.cluster)]
    const { env, podFolder, now, patience = patient } = deps
    const options = { env, podFolder, now, allowLoose: args.allowLoose ?? false, within: patience.obtain, askWithin: args.offline === true ? undefined : patience.ask }
    const inspected = await saying(
      Promise.all(clusters.map(cluster => inspectCredential(cluster, config, options))),
      'portcullis token inspect: waiting for credentials and clusters to answer', deps.stderr, patience.silent)
    const text = args.json === true ? JSON.stringify(inspected.map(toJson), null, 2) : inspected.map(one => toText(one, now())).join('\n\n')
    await write(deps.stdout, `${redactSecrets(text)}\n`)
    return inspected.every(({ usable }) => usable) ? 0 : 1
  } catch (error) {
    await write(deps.stderr, `portcullis token inspect: ${messageOf(error)}\n`)
    return 1
  }
}

function toJson({ issuedAt, notBefore, expiresAt, ...rest }: Inspected): object {
  return { ...rest, issuedAt: timestamp(issuedAt), notBefore: timestamp(notBefore), expiresAt: timestamp(expiresAt) }
}

function toText(inspected: Inspected, now: number): string {
  const { cluster, kind, source, renewal, issuer, audience, issuedAt, notBefore, expiresAt, boundTo, trouble } = inspected
  const lines: [string, string | null][] = [
    ['kind', kind],
    ['from', source],
    ['account', accountWords(inspected)],
    ['accepted', acceptedWords(inspected)],
    ['issuer', issuer],
    ['audience', audience.length === 0 ? null : audience.join(', ')],
    ['issued', issuedAt === null ? null : `${timestamp(issuedAt)} (${relative(issuedAt, now)})`],
    ['valid from', notBefore === null || notBefore <= now ? null : `${timestamp(notBefore)} (${relative(notBefore, now)})`],
    ['expires', source === null ? null : expiryWords(expiresAt, now)],
    ['bound to', boundTo.length === 0 ? null : boundTo.join(', ')],
    ['renews', renewal],
    ['trouble', trouble],
  ]
  const width = Math.max(...lines.map(([name]) => name.length)) + 2
  return [`cluster ${cluster}`, ...lines.flatMap(([name, value]) => value === null ? [] : [`  ${`${name}:`.padEnd(width)}${oneLine(value)}`])].join('\n')
}

/** A token and a plugin say what they like: nothing that a terminal would obey. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ')
}

function accountWords({ source, user, userFrom }: Inspected): string | null {
  if (source === null) return null
  return user === null ? 'not known' : `${user}${userFrom === 'cluster' ? ' (as the cluster says)' : ''}`
}

function acceptedWords({ source, accepted, acceptedReason }: Inspected): string | null {
  if (source === null) return null
  return accepted === true ? 'yes' : `${accepted === null ? 'not asked' : 'no'}: ${acceptedReason}`
}

function expiryWords(expiresAt: number | null, now: number): string {
  if (expiresAt === null) return 'it does not say'
  return `${timestamp(expiresAt)} (${expiresAt <= now ? `expired ${relative(expiresAt, now)}` : relative(expiresAt, now)})`
}

function relative(time: number, now: number): string {
  return time > now ? `in ${durationWords(time - now)}` : `${durationWords(now - time)} ago`
}

function timestamp(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString()
}
