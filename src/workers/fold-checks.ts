import type { Check } from '../listen/admin.ts'

/** What a worker said of itself; undefined: it is not there, or did not answer. */
export interface WorkerChecks {
  readonly worker: number
  readonly checks: readonly Check[] | undefined
}

/** The checks of all workers as one: ok is what is so in every one. Who fails is named, unless all fail alike. */
export function foldChecks(all: readonly WorkerChecks[]): Check[] {
  const silent = all.filter(({ checks }) => checks === undefined).map(({ worker }) => worker)
  const answers = all.flatMap(({ worker, checks = [] }) => checks.map(check => ({ worker, ...check })))
  const names = [...new Set(answers.map(({ name }) => name))]
  return [
    silent.length === 0
      ? { name: 'workers', ok: true }
      : { name: 'workers', ok: false, message: `no answer from worker ${silent.join(', ')} of ${all.length}` },
    ...names.map(name => foldOne(name, answers.filter(check => check.name === name), all.length - silent.length)),
  ]
}

function foldOne(name: string, answers: readonly (Check & { readonly worker: number })[], of: number): Check {
  const bad = answers.filter(({ ok }) => !ok)
  const ok = bad.length === 0
  const telling = (ok ? answers : bad).filter(({ message }) => message !== undefined)
  const messages = new Set(telling.map(({ message }) => message))
  if (messages.size === 0) return { name, ok }
  const alike = messages.size === 1 && telling.length === of
  return { name, ok, message: alike ? [...messages].join() : telling.map(({ worker, message }) => `worker ${worker}: ${message}`).join('; ') }
}
