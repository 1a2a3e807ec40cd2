// Writes audit lines as fast as it can until it is killed, and says which are acknowledged.
import { createChain } from '../../src/audit-log/chain.ts'
import { createFileSink } from '../../src/audit/sinks/file.ts'
import { eventLine } from './chained.ts'

const [path = '', name = '', maxSize = ''] = process.argv.slice(2)
const sink = createFileSink({ path, maxSize: Number(maxSize), keep: 1000, chain: createChain() })
sink.attach({ dropped() { process.exit(3) }, failed() { process.exit(4) } })
process.on('disconnect', () => process.exit())
for (let batch = 0; ; batch++) {
  for (let line = 0; line < 300; line++) sink.write(eventLine(`${name}-${batch}-${line}`))
  await sink.writeNow(eventLine(`${name}-${batch}`))
  process.send?.(`${name}-${batch}`)
}
