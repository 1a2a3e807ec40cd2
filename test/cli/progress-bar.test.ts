import t from 'tap'
import { ProgressBar } from '../../src/cli/progress-bar.ts'
import { ear } from '../support/command.ts'

function start(total: number | undefined, isTTY = true) {
  let now = 0
  const stderr = Object.assign(ear(), { isTTY })
  const progress = new ProgressBar({ stderr, what: 'reading', total, now: () => now })
  return { progress, stderr, at: (time: number, bytes: number) => { now = time; progress.add(bytes) } }
}

const mebibyte = 1024 ** 2

t.test('nothing for two seconds, then how far it is and how long it takes; gone at the end', async (t) => {
  const { progress, stderr, at } = start(8 * mebibyte)
  at(1999, mebibyte)
  t.equal(stderr.text, '')
  at(2000, mebibyte)
  t.equal(stderr.text, '\r\x1b[Kreading [######..................] 25 % of 8 MiB, 6 s left')
  at(2050, 1)
  t.equal(stderr.text.split('\r').length, 2, 'and no more often than can be read')
  progress.end()
  t.match(stderr.text, /\r\x1b\[K$/)
  at(9000, mebibyte)
  t.match(stderr.text, /\r\x1b\[K$/)
})

t.test('where nobody knows how much there is, how much was read', async (t) => {
  const { stderr, at } = start(undefined)
  at(3000, 3 * mebibyte)
  t.equal(stderr.text, '\r\x1b[Kreading: 3 MiB')
})

t.test('where nobody looks on, nothing', async (t) => {
  const { progress, stderr, at } = start(10, false)
  at(3000, 5)
  progress.clear()
  progress.end()
  t.equal(stderr.text, '')
})
