import t from 'tap'
import { longestMarker, markerLine } from '../../src/recordings/cast.ts'

t.test('a marker is cut by its bytes as they are written, between characters', async (t) => {
  for (const character of ['x', 'é', '\u0001', '\u0085', '\u202e', '"', '😀', '\ud800']) {
    for (const count of [0, 1, 150, 1000, 5000]) {
      const line = markerLine(86_400.123456, character.repeat(count))
      t.ok(Buffer.byteLength(line) <= longestMarker)
      const [, code, text] = JSON.parse(line) as [number, string, string]
      t.equal(code, 'm')
      t.equal(text, character.repeat(text.length / character.length))
      if (count <= 150) t.equal(text.length, count * character.length)
      else t.ok(Buffer.byteLength(line) > longestMarker - 16, 'and no shorter than it must be')
    }
  }
})
