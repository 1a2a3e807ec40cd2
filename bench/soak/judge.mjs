// What a soak has shown, and whether that is well: the rows of its table, and its faults.
import { aligned } from '../speed/table.mjs'

/** The middle of the last third of the time is at most so many times that of the second; the first is warm-up. */
const growthAllowed = 1.10
/** Minutes: shorter, and the heap's own growth after the start is most of what is measured. */
const judgedFrom = 5
/** Files that may be open at the end beside as many as at the start: the next of the audit log, a look at the metrics, one that is just being closed. */
const filesAllowed = 4

/** `lines`: { ends, begins, twice, dropped, files } of the audit log; `open`: { before, after } files; `samples` as of `sample`, in order. */
export function judge({ minutes, samples, counts, lines, open, foreign }) {
  const growth = { memory: growthOf(samples, 'memory'), heap: growthOf(samples, 'heap') }
  const most = counts.requests + counts.excused
  const over = open.after - open.before
  const judged = minutes >= judgedFrom
  return {
    growth, judged,
    faults: [
      ...judged && !(growth.memory <= growthAllowed) ? [`memory grew: the last third took ${growth.memory.toFixed(3)} of the second, and may take ${growthAllowed.toFixed(2)}`] : [],
      ...counts.failures.map(([what, count]) => `${count} × ${what}`),
      ...foreign > 0 ? [`${foreign} requests came upstream without our credential`] : [],
      ...over > filesAllowed ? [`${over} files more than at the start are open at the end, and ${filesAllowed} may be`] : [],
      ...lines.ends < counts.requests || lines.ends > most ? [`${counts.requests} requests${counts.excused > 0 ? ` and ${counts.excused} that are not known` : ''}, and ${lines.ends} ends in the audit log`] : [],
      ...lines.twice > 0 ? [`${lines.twice} lines are there twice`] : [],
      ...lines.dropped > 0 ? [`${lines.dropped} lines were dropped`] : [],
      ...lines.files < 2 ? ['the audit log was not put aside'] : [],
    ],
  }
}

/** NaN of fewer than three. */
function growthOf(samples, figure) {
  const third = samples.length / 3
  const part = (from) => middle(samples.slice(Math.floor(from * third), Math.floor((from + 1) * third)).map((sample) => sample[figure]))
  return part(2) / part(1)
}

function middle(all) {
  const values = [...all].sort((a, b) => a - b)
  const half = values.length / 2
  return values.length % 2 === 1 ? values[Math.floor(half)] : (values[half - 1] + values[half]) / 2
}

/** A row for every minute: what was done in it, and the middle of what was held. */
export function tableOf(samples, minutes) {
  const rows = Array.from({ length: Math.ceil(minutes) }, (_, minute) => samples.filter(({ at }) => Math.min(Math.ceil(minutes) - 1, Math.floor(at / 60)) === minute))
  const megabytes = (row, figure) => (middle(row.map((sample) => sample[figure])) / 1e6).toFixed(1)
  const before = (minute) => rows.slice(0, minute).flat().at(-1)?.requests ?? 0
  return aligned([
    ['minute', 'requests', 'memory MB', 'heap MB', 'external MB', 'open files', 'watches', 'failed'],
    ...rows.flatMap((row, minute) => row.length === 0 ? [] : [[
      String(minute + 1), String(row.at(-1).requests - before(minute)), megabytes(row, 'memory'), megabytes(row, 'heap'), megabytes(row, 'external'),
      ...['files', 'watches'].map((figure) => middle(row.map((sample) => sample[figure])).toFixed(0)), String(row.at(-1).failed),
    ]]),
  ])
}
