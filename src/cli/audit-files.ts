import { findLogFiles, type LogFile } from '../audit-log/files.ts'
import { requireConfig } from '../config/load.ts'

export interface ConfiguredLog {
  /** Where the proxy writes it. */
  readonly path: string
  /** What there is of it, those put aside first, the oldest at the beginning; empty where nothing is there yet. */
  readonly files: readonly LogFile[]
  /** Other file sinks of the config: they hold the same events once more. */
  readonly others: readonly string[]
}

/**
 * The audit log that a config has written to files: of several file sinks, each of which has every event, the
 * first that has any file. Rejects where there is no file sink, and as `requireConfig` does.
 */
export async function findConfiguredLog(configFile: string): Promise<ConfiguredLog> {
  const { config } = await requireConfig(configFile)
  const paths = config.audit.sinks.flatMap(sink => sink.kind === 'file' ? [sink.path] : [])
  const [first] = paths
  if (first === undefined) throw new Error(`no sink of ${configFile} is a file: name the files of the log, or - for stdin`)
  const logs = await Promise.all(paths.map(async path => ({ path, files: await findLogFiles(path) })))
  const log = logs.find(({ files }) => files.length > 0) ?? { path: first, files: [] }
  return { ...log, others: paths.filter(path => path !== log.path) }
}
