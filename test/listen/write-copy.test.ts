import t from 'tap'
import { writeCopy } from '../../src/listen/write-copy.ts'

type Done = (error?: Error | null) => void

/** Holds what was written until the test says that it was taken. */
function slow() {
  const held: { readonly bytes: Buffer, readonly done: Done | undefined }[] = []
  return { held, write: ((bytes: Buffer, done?: Done) => { held.push({ bytes, done }); return true }) as never }
}

const piece = (letter: string) => Buffer.alloc(16 * 1024, letter)

for (const size of [10, 4096, 4097, 16 * 1024, 16 * 1024 + 1]) {
  t.test(`what is written of ${size} bytes stays, though their memory is the next read's`, async (t) => {
    const to = slow()
    const chunk = Buffer.alloc(size, 'a')
    t.equal(writeCopy(to, chunk), true)
    chunk.fill('!')
    t.ok(to.held[0]?.bytes.equals(Buffer.alloc(size, 'a')))
  })
}

t.test('memory is used again once it was taken, and not before: it may be another caller\'s', async (t) => {
  const to = slow()
  writeCopy(to, piece('a'))
  writeCopy(to, piece('b'))
  t.not(to.held[1]?.bytes.buffer, to.held[0]?.bytes.buffer)
  to.held[0]?.done?.(null)
  writeCopy(to, piece('c'))
  t.equal(to.held[2]?.bytes.buffer, to.held[0]?.bytes.buffer)
  t.ok(to.held[1]?.bytes.equals(piece('b')))
})

t.test('memory of a write that failed is not used again', async (t) => {
  const to = slow()
  writeCopy(to, piece('a'))
  to.held[0]?.done?.(new Error('cut'))
  writeCopy(to, piece('b'))
  t.not(to.held[1]?.bytes.buffer, to.held[0]?.bytes.buffer)
})
