// The callers' side of the soak: so many requests a second of the mix, whatever becomes of those before.
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { serve } from '../support/part.mjs'
import { createTurns, mix } from './mix.mjs'
import { createWays } from './ways.mjs'

/** Milliseconds: what is due after a longer standstill of this process is not made up for, or it would all come at once. */
const standstill = 100
/** Milliseconds after which a machine that stood still may have broken what was under way: timers run before what has arrived is read. */
const longStandstill = 1000
/** More than so many at a time are not begun. */
const most = 200

const answered = Object.fromEntries(Object.keys(mix).map((name) => [name, 0]))
const failures = new Map()
const underWay = new Set()
let [stoodStill, standstills, excused] = [-Infinity, 0, 0]
let going
let ways

serve({
  /** From here on, until `finish`. */
  begin({ rate, ...where }) {
    ways = createWays(where)
    going = go(rate)
  },
  counts,
  /** Begins nothing more, waits for what is under way, and leaves; `excused` are those that failed across a standstill. */
  async finish() {
    const { stop } = going
    stop()
    await going.done
    while (underWay.size > 0) await Promise.all(underWay)
    ways.leave()
    return counts()
  },
})

function counts() {
  return { answered, requests: Object.values(answered).reduce((sum, count) => sum + count, 0), failures: [...failures], underWay: underWay.size, standstills, excused }
}

function go(rate) {
  const turn = createTurns()
  let stopped = false
  const run = async () => {
    let [due, before, index] = [0, performance.now(), 0]
    while (!stopped) {
      const now = performance.now()
      if (now - before > longStandstill) [stoodStill, standstills] = [now, standstills + 1]
      due = Math.min(due + Math.min(now - before, standstill) * rate / 1000, most)
      before = now
      for (; due >= 1 && underWay.size < most; due -= 1, index += 1) begin(turn(), index)
      await pause(2)
    }
  }
  return { stop: () => { stopped = true }, done: run() }
}

function begin(name, index) {
  const begun = performance.now()
  const one = ways[name](index).then((status) => {
    if (status === mix[name].status) answered[name] += 1
    else fail(name, begun, `answered ${status}`)
  }, (error) => fail(name, begun, error.message))
  underWay.add(one)
  void one.then(() => underWay.delete(one))
}

function fail(name, begun, why) {
  if (begun <= stoodStill) {
    excused += 1
    return
  }
  const what = `${mix[name].title}: ${why}`
  failures.set(what, (failures.get(what) ?? 0) + 1)
}
