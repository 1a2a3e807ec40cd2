// Tells on stderr how far a long run is: in a terminal in one line that is written over, elsewhere a line for each step.
import { performance } from 'node:perf_hooks'
import process from 'node:process'

/** `expected`: seconds that all of it takes on a machine that does nothing else. `steps` is how many there are. */
export function createProgress({ steps, expected, stream = process.stderr, now = () => performance.now() }) {
  const begun = now()
  let [done, doing] = [0, '']
  const line = (more) => `${done}/${steps} ${doing}${more} (${Math.round((now() - begun) / 1000)} of about ${Math.round(expected)} s)`
  return {
    step(what) {
      done += 1
      doing = what
      stream.write(stream.isTTY ? `\r\x1b[K${line('')}` : `${line('')}\n`)
    },
    /** Within a step; a terminal alone is told. */
    tell(what) {
      if (stream.isTTY) stream.write(`\r\x1b[K${line(`: ${what}`)}`)
    },
    end() {
      if (stream.isTTY) stream.write('\r\x1b[K')
    },
    /** Seconds. */
    get took() {
      return (now() - begun) / 1000
    },
  }
}
