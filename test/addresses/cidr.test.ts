import t from 'tap'
import { isCidr, isLoopback } from '../../src/addresses/cidr.ts'

for (const [text, expected] of [
  ['10.0.0.0/8', true], ['0.0.0.0/0', true], ['10.0.0.1/32', true], ['::1/128', true], ['2001:db8::/32', true],
  ['10.0.0.1', false], ['10.0.0.0/33', false], ['::/129', false], ['10.0.0.0/8/8', false], ['10.0.0/8', false],
  ['10.0.0.0/', false], ['10.0.0.0/-1', false], ['10.0.0.0/ 8', false], ['host/8', false], ['', false], ['/8', false],
] as const) {
  t.test(`${JSON.stringify(text)} is ${expected ? '' : 'no '}CIDR`, async t => t.equal(isCidr(text), expected))
}

for (const [host, expected] of [
  ['localhost', true], ['127.0.0.1', true], ['127.9.9.9', true], ['::1', true],
  ['0.0.0.0', false], ['::', false], ['10.0.0.1', false], ['127.example.com', false], ['', false],
] as const) {
  t.test(`${JSON.stringify(host)} is ${expected ? '' : 'not '}loopback`, async t => t.equal(isLoopback(host), expected))
}
