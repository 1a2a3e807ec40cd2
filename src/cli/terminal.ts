import type { Readable } from 'node:stream'
import { defaultConfigFile } from '../config/default-file.ts'
import type { Output } from './output.ts'

/** What a command reads and writes, and how it ends: `process`, or a test's. */
export interface Terminal {
  readonly stdin: Readable
  readonly stdout: Output & { readonly isTTY?: boolean }
  readonly stderr: Output & { readonly isTTY?: boolean }
  readonly env: NodeJS.ProcessEnv
  exit(exitCode: number): void
}

/** Told the exit code: 0 done, 1 a "no" or a fault in what was given, 2 wrong usage. */
export type Done = (exitCode: number) => void

export interface WithConfig { readonly config?: string }

export const configOption = ['--config <file>', 'config file (default: ./portcullis.yaml, then /etc/portcullis/portcullis.yaml)'] as const

export function configFile({ config }: WithConfig, env: NodeJS.ProcessEnv): Promise<string> {
  return config === undefined ? defaultConfigFile(env) : Promise.resolve(config)
}

/** For an option that may be given again. */
export function append(value: string, values: string[]): string[] {
  return [...values, value]
}
