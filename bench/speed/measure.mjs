// One workload, all who take part in turns, some rounds: so that each meets the same machine.
import { setTimeout as pause } from 'node:timers/promises'
import { familyOf, forgetPeak, kernelTime, memory, peakMemory, processorTime } from './processes.mjs'

/**
 * `running`: [{ name, port, pid, … }]; each is asked for `warmUp` seconds before anything counts; `tell` hears how far it is.
 * Per contender: for each figure the middle of the rounds and what is least and greatest; what was asked in all, and what went wrong.
 */
export async function measure(workload, running, { callers, keys, token, ca, seconds, rounds, rate, warmUp = Math.max(1, seconds), tell = () => {} }) {
  const rows = running.map(({ name, ours }) => ({ name, ours, rounds: [], requests: 0, failed: [] }))
  const ask = ({ port, withoutKeys, withToken, callers: known = 50 }, how, time) => callers.ask(how, {
    port, ca, seconds: time, connections: workload.connections, path: workload.path, streams: workload.streams, bytes: workload.bytes, keys: askedBy(keys, known), rate,
    requests: workload.request === undefined ? [] : askedBy(keys, known).map((key) => workload.request(withoutKeys ? undefined : withToken ? token : key)),
  })
  for (let round = -1; round < rounds; round += 1) {
    for (const [index, contender] of running.entries()) {
      tell(round < 0 ? `${contender.name} warms up` : `${contender.name}, round ${round + 1} of ${rounds}`)
      // Once more than is counted: what is compiled and cached at first would fall on the first.
      if (round < 0 && workload.warmUpHow !== undefined) rows[index].failed.push(...faultsOf(await ask(contender, workload.warmUpHow, warmUp), workload))
      const one = await measureOnce(contender, () => ask(contender, workload.how, round < 0 ? warmUp : seconds))
      rows[index].requests += one.answer.requests
      rows[index].failed.push(...faultsOf(one.answer, workload))
      if (round >= 0) rows[index].rounds.push(figuresOf(one, workload))
    }
  }
  return rows.map(({ rounds: all, ...row }) => ({ ...row, failed: [...new Set(row.failed)], ...spreadOf(all) }))
}

/** Some of those who are known there. */
function askedBy(keys, known) {
  return keys.slice(0, Math.min(50, known))
}

async function measureOnce({ pid }, ask) {
  const family = familyOf(pid)
  forgetPeak(family)
  const [before, kernel, held] = [processorTime(family), kernelTime(family), memory(family)]
  const answer = await ask()
  // What is still held back is written, and counts.
  await pause(100)
  return { answer, cpu: processorTime(family) - before, kernel: kernelTime(family) - kernel, held, peak: peakMemory(family) }
}

function figuresOf({ answer: { requests, took, p50, p99 }, cpu, kernel, held, peak }, { bytes }) {
  return {
    cpu: cpu / requests, kernel: kernel / requests, rate: requests / took, busy: cpu / (took * 1e6), p50, p99, memory: peak, growth: Math.max(0, peak - held),
    ...bytes === undefined ? {} : { throughput: requests * bytes / took / 1e6 },
  }
}

function faultsOf({ failed, statuses }, { status }) {
  return [
    ...failed > 0 ? ['requests failed'] : [],
    ...statuses.filter(([got]) => status !== undefined && got !== status).map(([got]) => `answered ${got} in place of ${status}`),
  ]
}

function spreadOf(rounds) {
  return Object.fromEntries(Object.keys(rounds[0] ?? {}).map((figure) => [figure, spread(rounds.map((round) => round[figure]))]))
}

/** The middle of some figures, what is least and greatest, and all of them as they came. */
export function spread(all) {
  const values = [...all].sort((a, b) => a - b)
  return { middle: values[Math.floor(values.length / 2)], least: values[0], greatest: values.at(-1), all }
}

/** The middle of the rounds' own ratios. */
export function ratioOf(these, those) {
  const ratios = these.all.map((value, round) => value / those.all[round]).sort((a, b) => a - b)
  return ratios[Math.floor(ratios.length / 2)]
}
