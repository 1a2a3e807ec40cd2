import t from 'tap'
import { readVariant } from '../../src/cache/variant.ts'

const v2 = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

const rows: [title: string, headers: string[], expected: { accept: string, gzip: boolean } | undefined][] = [
  ['nothing asked for', [], { accept: '', gzip: false }],
  ['kubectl', ['accept', `${v2},application/json`, 'Accept-Encoding', 'gzip'], { accept: `${v2},application/json`, gzip: true }],
  ['white space that means nothing', ['Accept', ' application/json ; q=0.9 ,, */* '], { accept: 'application/json;q=0.9,*/*', gzip: false }],
  ['two lines', ['Accept', 'a/b', 'ACCEPT', 'c/d'], { accept: 'a/b,c/d', gzip: false }],
  ['order kept', ['Accept', 'c/d, a/b'], { accept: 'c/d,a/b', gzip: false }],
  ['parameters kept', ['Accept', v2], { accept: v2, gzip: false }],
  ['gzip among others', ['Accept-Encoding', 'br, gzip;q=0.5'], { accept: '', gzip: true }],
  ['gzip in another line', ['Accept-Encoding', 'br', 'Accept-Encoding', 'GZIP'], { accept: '', gzip: true }],
  ['gzip refused', ['Accept-Encoding', 'gzip;q=0, identity'], { accept: '', gzip: false }],
  ['gzip refused at length', ['Accept-Encoding', 'gzip; q=0.000'], { accept: '', gzip: false }],
  ['another coding', ['Accept-Encoding', 'br, x-gzip, deflate, *'], { accept: '', gzip: false }],
  ['an empty body', ['Content-Length', '0'], { accept: '', gzip: false }],
  ['a condition answered here', ['If-None-Match', '"x"'], { accept: '', gzip: false }],
  ['other headers of the caller', ['User-Agent', 'kubectl', 'Cookie', 'x'], { accept: '', gzip: false }],

  ['a part', ['Range', 'bytes=0-1'], undefined],
  ['a part under a condition', ['If-Range', '"x"'], undefined],
  ['a condition for upstream', ['If-Match', '"x"'], undefined],
  ['another condition for upstream', ['If-Unmodified-Since', 'x'], undefined],
  ['a body', ['Content-Length', '1'], undefined],
  ['a chunked body', ['Transfer-Encoding', 'chunked'], undefined],
  ['quotes, in which white space means something', ['Accept', 'a/b;x=" ,"'], undefined],
  ['an Accept that only fills the cache', ['Accept', `a/${'b'.repeat(1023)}`], undefined],
]

for (const [title, headers, expected] of rows) {
  t.test(`${title} is ${expected === undefined ? 'not shared' : JSON.stringify(expected)}`, async (t) => {
    t.strictSame(readVariant(headers), expected)
  })
}
