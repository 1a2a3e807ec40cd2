import t from 'tap'
import { jsonPatch } from '../../src/sample/patch-json.ts'
import { mergePatch } from '../../src/sample/patch-merge.ts'
import { strategicMergePatch } from '../../src/sample/patch-strategic.ts'
import type { Json } from '../../src/sample/json.ts'

t.test('a JSON patch does what RFC 6902 says', async (t) => {
  const table: [name: string, before: Json, patch: Json, after: Json][] = [
    ['adds a member', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    ['adds an item in its place', [1, 3], [{ op: 'add', path: '/1', value: 2 }], [1, 2, 3]],
    ['appends', { a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    ['removes', { a: 1, b: [1, 2] }, [{ op: 'remove', path: '/a' }, { op: 'remove', path: '/b/0' }], { b: [2] }],
    ['replaces', { a: 1 }, [{ op: 'replace', path: '/a', value: null }], { a: null }],
    ['replaces the whole', { a: 1 }, [{ op: 'replace', path: '', value: [] }], []],
    ['moves', { a: 1 }, [{ op: 'move', from: '/a', path: '/b' }], { b: 1 }],
    ['copies', { a: { c: 1 } }, [{ op: 'copy', from: '/a', path: '/b' }], { a: { c: 1 }, b: { c: 1 } }],
    ['tests', { a: { x: 1, y: 2 } }, [{ op: 'test', path: '/a', value: { y: 2, x: 1 } }], { a: { x: 1, y: 2 } }],
    ['unescapes a pointer', { 'a/b~c': 1 }, [{ op: 'remove', path: '/a~1b~0c' }], {}],
    ['adds a member named like a prototype', {}, [{ op: 'add', path: '/__proto__', value: 1 }], JSON.parse('{"__proto__":1}') as Json],
  ]
  for (const [name, before, patch, after] of table) {
    const untouched = structuredClone(before)
    t.strictSame(jsonPatch(before, patch), after, name)
    t.strictSame(before, untouched, `${name}, and leaves what it was given`)
  }
})

t.test('a JSON patch that cannot be done is refused', async (t) => {
  const table: [name: string, patch: Json, code: number][] = [
    ['no list', {}, 400],
    ['no object', [1], 400],
    ['an unknown operation', [{ op: 'twist', path: '/a' }], 400],
    ['no path', [{ op: 'add', value: 1 }], 400],
    ['no value', [{ op: 'add', path: '/a' }], 400],
    ['a test that fails', [{ op: 'test', path: '/a', value: 2 }], 422],
    ['nothing to remove', [{ op: 'remove', path: '/b' }], 422],
    ['an index beyond the end', [{ op: 'add', path: '/list/3', value: 1 }], 422],
    ['an index with a leading zero', [{ op: 'remove', path: '/list/00' }], 422],
    ['a parent that is no object', [{ op: 'add', path: '/a/b', value: 1 }], 422],
    ['the whole', [{ op: 'remove', path: '' }], 422],
    ['an inherited member', [{ op: 'copy', from: '/constructor', path: '/b' }], 422],
    ['too many operations', Array<Json>(10_001).fill({ op: 'test', path: '/a', value: 1 }), 413],
  ]
  for (const [name, patch, code] of table) t.throws(() => jsonPatch({ a: 1, list: [1, 2] }, patch), { code }, name)
})

t.test('a merge patch replaces, removes by null and takes lists whole', async (t) => {
  const table: [before: Json, patch: Json, after: Json][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: ['c', 'd'] }, { a: ['c', 'd'] }],
    [{ a: { b: 1 } }, { a: { c: 2, d: null } }, { a: { b: 1, c: 2 } }],
    [{ a: 'foo' }, null, null],
    [['a'], { b: 1 }, { b: 1 }],
    [{}, { a: { b: { c: null } } }, { a: { b: {} } }],
  ]
  for (const [before, patch, after] of table) t.strictSame(mergePatch(before, patch), after)
})

t.test('a strategic merge patch merges keyed lists and obeys directives', async (t) => {
  const containers = [{ name: 'a', image: '1' }, { name: 'b', image: '1' }]
  const table: [name: string, before: Json, patch: Json, after: Json][] = [
    ['merges by key', { containers }, { containers: [{ name: 'b', image: '2' }] }, { containers: [{ name: 'a', image: '1' }, { name: 'b', image: '2' }] }],
    ['appends an unknown key', { containers }, { containers: [{ name: 'c' }] }, { containers: [...containers, { name: 'c' }] }],
    ['deletes an item', { containers }, { containers: [{ name: 'a', $patch: 'delete' }] }, { containers: [{ name: 'b', image: '1' }] }],
    ['replaces a list', { containers }, { containers: [{ name: 'z' }, { $patch: 'replace' }] }, { containers: [{ name: 'z' }] }],
    ['replaces an object', { spec: { a: 1 } }, { spec: { $patch: 'replace', b: 2 } }, { spec: { b: 2 } }],
    ['keeps only what is named', { strategy: { type: 'RollingUpdate', rollingUpdate: {} } }, { strategy: { $retainKeys: ['type'], type: 'Recreate' } }, { strategy: { type: 'Recreate' } }],
    ['takes atomic lists whole', { args: ['a', 'b'] }, { args: ['c'] }, { args: ['c'] }],
    ['adds to a set', { finalizers: ['a'] }, { finalizers: ['b'] }, { finalizers: ['a', 'b'] }],
    ['deletes from a set', { finalizers: ['a', 'b'] }, { '$deleteFromPrimitiveList/finalizers': ['a'] }, { finalizers: ['b'] }],
    ['orders', { containers }, { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }], containers: [{ name: 'a', image: '3' }] },
      { containers: [{ name: 'b', image: '1' }, { name: 'a', image: '3' }] }],
    ['knows container ports', { ports: [{ containerPort: 80 }] }, { ports: [{ containerPort: 80, name: 'http' }] }, { ports: [{ containerPort: 80, name: 'http' }] }],
    ['knows service ports', { ports: [{ port: 80 }] }, { ports: [{ port: 443 }] }, { ports: [{ port: 80 }, { port: 443 }] }],
    ['removes by null', { a: 1, b: 2 }, { a: null }, { b: 2 }],
  ]
  for (const [name, before, patch, after] of table) t.strictSame(strategicMergePatch(before, patch), after, name)
  t.throws(() => strategicMergePatch({ args: [] }, { args: [{ $patch: 'delete' }] }), { code: 400 })
})
