import { Readable } from 'node:stream'
import type { Known } from '../../src/cli/judge.ts'
import type { CallerDefinition } from '../../src/model/caller.ts'
import type { ClusterFacts } from '../../src/model/verdict.ts'
import { facts } from './questions.ts'

export interface Ear {
  text: string
  write(text: string, done: (error?: Error | null) => void): void
}

/** Takes what a command writes, and is as slow as a real stream. */
export function ear(): Ear {
  return {
    text: '',
    write(text, done) {
      this.text += text
      setImmediate(done)
    },
  }
}

/** A configuration that holds these callers and the clusters `prod` (the default) and `test`. */
export function knowing(callers: readonly CallerDefinition[], cluster: Partial<ClusterFacts> = {}): Known {
  const clusters = new Map(['prod', 'test'].map(name => [name, facts({ name, ...cluster })]))
  return {
    findCaller: name => callers.find(caller => caller.name === name),
    clusterFacts: (name = 'prod') => clusters.get(name),
  }
}

export function lines(values: readonly unknown[]): Readable {
  return Readable.from(values.map(value => `${typeof value === 'string' ? value : JSON.stringify(value)}\n`))
}
