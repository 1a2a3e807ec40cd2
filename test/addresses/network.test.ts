import t from 'tap'
import { networkOf } from '../../src/addresses/network.ts'

t.test('one party is an IPv4 address or the /64 of an IPv6 one, however it is written', async (t) => {
  for (const [address, network] of [
    ['10.0.0.1', '10.0.0.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1::5:6:7:8', '2001:db8:1:0::/64'],
    ['1:2::4:5:6:7:8', '1:2:0:4::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64'],
    ['1:2:3::5:6:192.0.2.1', '1:2:3:0::/64'],
    ['', ''],
    ['gone', 'gone'],
  ] as const) t.equal(networkOf(address), network, address)
})
