// Figures for a terminal, and for bench/RESULTS.md.

const columns = [
  ['µs a request', (row) => span(row.cpu, 1)],
  ['in the kernel', (row) => row.kernel.middle.toFixed(1)],
  ['of it', (row) => row.ratio.toFixed(2)],
  ['requests/s', (row) => rateOf(row)],
  ['p50 ms', (row) => row.p50.middle.toFixed(2)],
  ['p99 ms', (row) => row.p99.middle.toFixed(2)],
  ['peak MB', (row) => (row.memory.middle / 1e6).toFixed(0)],
]
const throughput = ['MB/s', (row) => span(row.throughput, 0)]
const growth = ['more MB', (row) => (row.growth.middle / 1e6).toFixed(0)]

function span({ middle, least, greatest }, digits) {
  return `${middle.toFixed(digits)} (${least.toFixed(digits)}–${greatest.toFixed(digits)})`
}

/** Of one core that does nothing else: where the load did not fill it, what it would be. */
function rateOf({ rate, busy }) {
  return busy.middle >= 0.9 ? rate.middle.toFixed(0) : `~${(rate.middle / Math.max(busy.middle, 1e-9)).toFixed(0)}`
}

/** The heading, and rows of cells. */
export function cellsOf({ rows, large }) {
  const shown = large ? [columns[0], columns[2], throughput, columns[6], growth] : columns
  return [['', ...shown.map(([title]) => title)], ...rows.map((row) => [row.name, ...shown.map(([, cell]) => cell(row))])]
}

export function aligned(cells) {
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)))
  return cells.map((row) => row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])).join('  ').trimEnd()).join('\n')
}

export function markdown([heading, ...rows]) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  return [line(heading), line(heading.map((_, column) => column === 0 ? '---' : '---:')), ...rows.map(line)].join('\n')
}

export function targetCells(targets) {
  return [['', 'figure', 'target', ''], ...targets.map(({ measure, figure, bound, kind, held }) => [measure, figure.toFixed(2), `${kind} ${bound}`, held ? 'held' : 'MISSED'])]
}
