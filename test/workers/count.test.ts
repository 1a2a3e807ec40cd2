import t from 'tap'
import { countWorkers, parseQuota } from '../../src/workers/count.ts'

const infinite: readonly [readonly string[], number][] = [
  [['max 100000\n'], Infinity], [['200000 100000\n'], 2], [['150000 100000'], 1.5], [['50000 100000'], 0.5],
  [['-1\n', '100000\n'], Infinity], [['400000\n', '100000\n'], 4],
  [[''], Infinity], [[], Infinity], [['100000'], Infinity], [['0 100000'], Infinity], [['100000 0'], Infinity], [['nonsense here'], Infinity],
]
for (const [texts, cores] of infinite) t.test(`${JSON.stringify(texts)} is ${cores} cores`, async t => t.equal(parseQuota(...texts), cores))

const machine = (cores: number, files: Readonly<Record<string, string>>) => ({ cores, read: (path: string) => Promise.resolve(files[path]) })
const own = { '/proc/self/cgroup': '0::/system.slice/portcullis.service\n' }

const machines: readonly [string, number, Readonly<Record<string, string>>, number][] = [
  ['one a core', 8, {}, 8],
  ['in a container, its limit', 8, { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '200000 100000\n' }, 2],
  ['a container with more than there is', 2, { '/sys/fs/cgroup/cpu.max': '800000 100000\n' }, 2],
  ['a part of a core is nobody\'s', 8, { '/sys/fs/cgroup/cpu.max': '350000 100000\n' }, 3],
  ['one at least', 8, { '/sys/fs/cgroup/cpu.max': '10000 100000\n' }, 1],
  ['the quota of a service', 8, { ...own, '/sys/fs/cgroup/system.slice/portcullis.service/cpu.max': '300000 100000\n' }, 3],
  ['the quota of a slice around it', 8, { ...own, '/sys/fs/cgroup/system.slice/cpu.max': '400000 100000\n', '/sys/fs/cgroup/system.slice/portcullis.service/cpu.max': 'max 100000\n' }, 4],
  ['the first version of cgroups', 8, { '/proc/self/cgroup': '4:cpu,cpuacct:/docker/abc\n', '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '200000\n', '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n' }, 2],
]
for (const [name, cores, files, workers] of machines) {
  t.test(`auto: ${name}`, async t => t.equal(await countWorkers('auto', machine(cores, files)), workers))
}

t.test('a number is that number, whatever the machine has', async (t) => {
  t.equal(await countWorkers(3, machine(1, { '/sys/fs/cgroup/cpu.max': '10000 100000' })), 3)
})
