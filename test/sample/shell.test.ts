import { PassThrough, Readable } from 'node:stream'
import t from 'tap'
import { run, type Io } from '../../src/sample/shell.ts'
import { toTerminal, typed } from '../../src/sample/terminal.ts'

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function ran(argv: readonly string[], stdin = '', io: Partial<Io> = {}): Promise<Ran> {
  let out = ''
  let err = ''
  const code = await run(argv, {
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout: (chunk) => { out += chunk.toString(); return Promise.resolve() },
    stderr: (chunk) => { err += chunk.toString(); return Promise.resolve() },
    env: { HOSTNAME: 'web-0', GREETING: 'hello world' },
    signal: new AbortController().signal,
    prompt: '',
    ...io,
  })
  return { code, out, err }
}

t.test('commands', async (t) => {
  const table: [argv: string[], code: number, out: string, err?: string][] = [
    [['true'], 0, ''],
    [['/bin/false'], 1, ''],
    [['echo', 'a', 'b  c'], 0, 'a b  c\n'],
    [['echo', '-n', 'a'], 0, 'a'],
    [['printf', 'a%s\\n%s', 'b', 'c'], 0, 'ab\nc'],
    [['cat'], 0, 'input\n'],
    [['cat', '/etc/passwd'], 1, '', 'cat: /etc/passwd: No such file or directory\n'],
    [['env'], 0, 'HOSTNAME=web-0\nGREETING=hello world\n'],
    [['hostname'], 0, 'web-0\n'],
    [['sleep', '0'], 0, ''],
    [['sleep', 'x'], 1, '', 'sleep: invalid time interval \'x\'\n'],
    [['nope'], 127, '', 'nope: not found\n'],
    [['constructor'], 127, '', 'constructor: not found\n'],
  ]
  for (const [argv, code, out, err = ''] of table) t.strictSame(await ran(argv, 'input\n'), { code, out, err }, argv.join(' '))
})

t.test('scripts', async (t) => {
  const table: [script: string, code: number, out: string, err?: string][] = [
    ['echo hi; cat', 0, 'hi\ninput\n'],
    ['exit 3', 3, ''],
    ['exit 3; echo never', 3, ''],
    ['exit 256', 0, ''],
    ['false || echo $?', 0, '1\n'],
    ['false && echo never', 1, ''],
    ['true && echo one\necho two', 0, 'one\ntwo\n'],
    ['echo $GREETING ${HOSTNAME} $MISSING.', 0, 'hello world web-0 .\n'],
    ['echo \'$GREETING\' "$GREETING \\"x\\"" \\$X', 0, '$GREETING hello world "x" $X\n'],
    ['echo bad >&2', 0, '', 'bad\n'],
    ['sh -c "exit 4"; echo $?', 0, '4\n'],
    ['echo a | cat', 2, '', 'sh: syntax error: unexpected |: this shell knows commands joined by ; && || and no more\n'],
    ['', 0, ''],
  ]
  for (const [script, code, out, err = ''] of table) t.strictSame(await ran(['sh', '-c', script], 'input\n'), { code, out, err }, script)
})

t.test('a shell without a script reads one from its input, and prompts where it was asked to', async (t) => {
  t.strictSame(await ran(['sh'], 'echo one\nexit 4\necho never\n'), { code: 4, out: 'one\n', err: '' })
  t.strictSame(await ran(['bash'], 'echo one\nfalse\n', { prompt: '$ ' }), { code: 1, out: '$ one\n$ $ ', err: '' })
})

t.test('a command ends when its caller goes', async (t) => {
  const gone = new AbortController()
  const sleeping = ran(['sleep', '3600'], '', { signal: gone.signal })
  gone.abort()
  await t.rejects(sleeping, { name: 'AbortError' })
})

t.test('a terminal echoes, edits and hands on lines', async (t) => {
  const table: [keys: string, screen: string, lines: string][] = [
    ['ab\r', 'ab\r\n', 'ab\n'],
    ['ax\x7fb\n', 'ax\b \bb\r\n', 'ab\n'],
    ['\x7f\b\r', '\r\n', '\n'],
    ['never\x03', 'never^C\r\n', '\n'],
    ['a\x04b\r\x04never', 'ab\r\n', 'ab\n'],
    ['\x1b[A\r', '[A\r\n', '[A\n'],
    ['é\r', 'é\r\n', 'é\n'],
    [`${'x'.repeat(5000)}\r`, `${'x'.repeat(4096)}\r\n`, `${'x'.repeat(4096)}\n`],
  ]
  for (const [keys, screen, lines] of table) {
    let shown = ''
    const input = new PassThrough()
    const handedOn = typed(input, (chunk) => { shown += chunk.toString(); return Promise.resolve() })
    input.end(keys)
    t.equal((await handedOn.setEncoding('utf8').toArray()).join(''), lines, JSON.stringify(keys))
    t.equal(shown, screen, JSON.stringify(keys))
  }
  let out = ''
  await toTerminal((chunk) => { out += chunk.toString(); return Promise.resolve() })('a\nb\r\n')
  t.equal(out, 'a\r\nb\r\n')
})
