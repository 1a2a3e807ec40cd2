// The outcome as text and as bench/RESULTS.md.
import { aligned, cellsOf, markdown, targetCells } from './table.mjs'
import { workloads } from './workloads.mjs'

const explained = 'Processor time is user and system time of all processes of a contender, as the kernel counts it, divided by the requests; the middle of the rounds, with the least and the greatest. '
  + '"of it" is ours divided by theirs, the middle of the rounds\' own ratios. "requests/s" is what one core gives; with ~ what it would, where the load did not fill it; of 2 workers what both give.'

/** How long each was asked, and what a quick run has less of. */
function lengthOf({ mode, rounds, seconds, warmUp, leftOut }, results) {
  const { title, atLeast } = workloads.latency
  return [
    `Every contender is asked for ${warmUp} s before anything counts (at most 2 s for large answers), then in turns in ${rounds} rounds of ${seconds} s.`,
    ...results.some((result) => result.title === title)
      ? [`Latency at a quarter of the load is measured after a warm-up under all of it and one under that quarter, in rounds of ${Math.max(seconds, atLeast)} s: of a shorter one the last hundredth is a handful of requests.`]
      : [],
    ...mode === 'full' ? [] : ['The quick run: V8 has not compiled all that it will by then, which costs those of node more than the rest.'],
    ...leftOut.length === 0 ? [] : [`Few watches, and left to --full: ${leftOut.join('; ')}.`],
  ].join(' ')
}

export function asText({ machine, results, versions, left, targets, faults, more = [] }) {
  return [
    `${machine.date}, ${machine.cores} cores (${machine.cpu}), Linux ${machine.kernel}, ${machine.mode} run, took ${machine.took} s`,
    lengthOf(machine, results),
    ...Object.entries(versions).map(([name, version]) => `  ${name}: ${version}`),
    ...left.map((name) => `  ${name}: left out, not on PATH`), '',
    ...results.flatMap((result) => [`${result.title}${result.tls ? ', TLS on both sides' : ', plain towards callers, TLS upstream'}`, aligned(cellsOf(result)), '']),
    ...more.flatMap(({ title, cells }) => [title, aligned(cells), '']),
    ...targets.length === 0 ? [] : ['Targets', aligned(targetCells(targets)), ''],
    ...faults.map((fault) => `FAILED: ${fault}`), '',
  ].join('\n')
}

export function asMarkdown({ machine, results, versions, left, targets, faults, more = [] }) {
  return [
    '# Results of the benchmark', '',
    `Written by \`npm run bench\`: the ${machine.mode} run (it took ${machine.took} s), on ${machine.date}; ${machine.cores} cores (${machine.cpu}), ${machine.memory} GB, Linux ${machine.kernel}. One core for whoever is measured, the other for callers and API server; 1 and 2 workers have both, shared with those.`, '',
    explained, '',
    lengthOf(machine, results), '',
    'Everybody verifies TLS upstream and injects the bearer token. nginx and haproxy look the key up in a map and write an access log; `kubectl proxy` and the plain plugin authenticate nobody and write nothing; Portcullis has 1,000 callers with 20 rules each, and writes an audit event of every request to a file.', '',
    'A watch\'s memory is what the proxy has more of (PSS) with all of them open and quiet, divided by them; its events carry the time at which the API server sent them. "direct" is without a proxy.', '',
    ...Object.entries(versions).map(([name, version]) => `- ${name}: ${version}`),
    ...left.map((name) => `- ${name}: left out, it was not there`), '',
    ...targets.length === 0 ? [] : ['## Targets', '', markdown(targetCells(targets)), ''],
    ...results.flatMap((result) => [`## ${result.title}${result.tls ? ', TLS on both sides' : ', plain towards callers'}`, '', markdown(cellsOf(result)), '']),
    ...more.flatMap(({ title, cells }) => [`## ${title}`, '', markdown(cells), '']),
    ...faults.length === 0 ? [] : ['## What failed', '', ...faults.map((fault) => `- ${fault}`), ''],
  ].join('\n')
}
