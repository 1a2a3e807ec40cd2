import t from 'tap'
import { keyFor } from './keys.ts'

t.test('the design\'s test vector comes out', (t) => {
  const { key, sha256 } = keyFor('k7Q2mX9a', '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg')
  t.equal(key, 'pcl_k7Q2mX9a_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg2pZTdb')
  t.equal(sha256, '353bb4bfb005dadfbd79334e12573a1ce0ad072bce7d9a5971178df01befd5d0')
  t.end()
})

t.test('keys of one id differ, and have the form', (t) => {
  t.not(keyFor('aaaaaaaa').key, keyFor('aaaaaaaa').key)
  t.match(keyFor('aaaaaaaa').key, /^pcl_aaaaaaaa_[0-9A-Za-z]{49}$/)
  t.end()
})
