// values.yaml is what a user reads, values.schema.json what helm holds them to: they know the same values.
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { parse } from 'yaml'
import { chart, render, valuesFile } from '../support/chart.ts'

const text = await readFile(`${chart}values.yaml`, 'utf8')
const values = parse(text) as Record<string, unknown>
const schema = JSON.parse(await readFile(`${chart}values.schema.json`, 'utf8')) as Schema

interface Schema { readonly properties?: Readonly<Record<string, Schema>>, readonly additionalProperties?: unknown, readonly definitions?: Readonly<Record<string, Schema>>, readonly $ref?: string }

t.test('every value has a comment, on its line or above it', async (t) => {
  const lines = text.split('\n')
  const bare = lines.filter((line, index) => /^\s*[A-Za-z]+:/.test(line) && !line.includes('#') && !/^\s*#/.test(lines[index - 1] ?? ''))
  t.strictSame(bare, [])
})

/** Places where the two differ; what has no properties in the schema is as Kubernetes or the config has it. */
function differences(written: unknown, { properties }: Schema, place: string): string[] {
  if (properties === undefined || typeof written !== 'object' || written === null || Array.isArray(written) || Object.keys(written).length === 0) return []
  const names = new Set([...Object.keys(written), ...Object.keys(properties)])
  return [...names].flatMap((name) => {
    const [value, schema] = [(written as Record<string, unknown>)[name], properties[name]]
    if (value === undefined || schema === undefined) return [`${place}.${name}`]
    return differences(value, schema, `${place}.${name}`)
  })
}

t.test('the schema knows the values that there are, and no others', async (t) => {
  // Helm's own; and what has a default of its own where it is left out.
  const optional = ['.global', '.tls.certManager.privateKey.encoding', '.gateway.timeouts.backendRequest', '.resources.claims']
  t.strictSame(differences(values, schema, '').filter(place => !optional.includes(place)), [])
})

t.test('every object of the schema is closed, or says what its values are', async (t) => {
  const open: string[] = []
  const look = (node: unknown, place: string): void => {
    if (typeof node !== 'object' || node === null) return
    const { type, properties, additionalProperties } = node as { type?: unknown, properties?: object, additionalProperties?: unknown }
    if (type === 'object' && properties !== undefined && additionalProperties !== false) open.push(place)
    for (const [name, child] of Object.entries(node)) look(child, `${place}/${name}`)
  }
  look(schema, '')
  t.strictSame(open, [])
})

/** What is set, and what helm says of it. */
const refused: readonly [string, RegExp][] = [
  ['replica=3', /'replica' not allowed/],
  ['image.tagg=1', /'tagg' not allowed/],
  ['image.digest=sha256:short', /does not match pattern/],
  ['cluster.credential=tokenFile', /value must be one of/],
  ['cluster.tokenSeconds=60', /minimum/],
  ['config.listen.prt=1', /'prt' not allowed/],
  ['config.listen.tls.certFile=x', /'tls' not allowed/],
  ['config.callers.file=x', /'callers' not allowed/],
  ['config.audit.mode=strict', /value must be/],
  ['mounts[0].name=tls,mounts[0].secret=x', /not/],
  ['mounts[0].name=a,mounts[0].secret=x,mounts[0].configMap=y', /oneOf/],
  ['callers.source=secret', /callers\.existingSecret is needed/],
  ['callers.source=values', /callers\.values is needed/],
  ['cluster.credential=none', /there is no cluster/],
  ['tls.source=certManager', /issuerRef\.name is needed/],
  ['ingress.enabled=true', /ingress\.hosts is needed/],
  ['ingress.enabled=true,ingress.hosts[0]=a.example', /tlsSecretName is needed/],
  ['gateway.enabled=true', /parentRefs is needed/],
  ['gateway.enabled=true,gateway.parentRefs[0].name=a', /hostnames is needed/],
  ['autoscaling.enabled=true,autoscaling.cpu=0', /looks at nothing/],
  ['terminationGracePeriodSeconds=30', /at least 41/],
]

for (const [set, said] of refused) {
  t.test(`refused: ${set}`, async (t) => {
    await t.rejects(render(['--set', set]), { message: said })
  })
}

t.test('callers of a cluster that is not served are no callers', async (t) => {
  await t.rejects(render(['--values', valuesFile('several-clusters'), '--set', 'callers.source=kubernetes']), { message: /use callers\.source secret/ })
})
