import { join } from 'node:path'
import { exists } from './default-file.ts'
import { wholeFile, type Fault, type Finding } from '../files/fault.ts'

export interface PodConfig {
  /** The file that could stand there. */
  readonly file: string
  /** What stands for it. */
  readonly text: string
  /** What the folder lacks. */
  readonly findings: readonly Finding[]
  /** The fault with what to do about it; no line of a file can be shown. */
  explain(fault: Fault): Fault
}

/**
 * The config of a pod without one: the cluster that it runs in, and what lies in the folder: callers
 * (`callers.yaml`, or files in `callers/`), `tls.crt` and `tls.key`. Everything else is at its default.
 */
export async function podConfig(folder: string): Promise<PodConfig> {
  const there = async (...names: string[]) => {
    const found = await Promise.all(names.map(name => exists(join(folder, name))))
    return names.filter((_, index) => found[index])
  }
  const callers = await there('callers.yaml', 'callers')
  const tls = await there('tls.crt', 'tls.key')
  const written = {
    // One without the other is a fault of its own.
    ...tls.length === 0 ? {} : { listen: { tls: { certFile: 'tls.crt', keyFile: 'tls.key' } } },
    clusters: [{ name: 'in-cluster', credential: { inCluster: {} } }],
    ...callers.length === 0 ? {} : { callers: { file: callers } },
  }
  const file = join(folder, 'portcullis.yaml')
  return {
    file,
    text: JSON.stringify(written),
    findings: callers.length === 0 ? [{ path: ['callers', 'file'], message: 'there are no callers' }] : [],
    explain: ({ path, message }) => ({ ...wholeFile(file, `${message} (${hint(folder)})`), path }),
  }
}

function hint(folder: string): string {
  return `a pod without this file serves the cluster that it runs in, with callers.yaml or callers/, tls.crt and tls.key out of ${folder}: mount them there, or this file`
}
