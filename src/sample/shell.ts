import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { expand, readScript } from './shell-words.ts'

/** What a command reads and writes. A write resolves when there is room for more. */
export interface Io {
  readonly stdin: Readable
  readonly stdout: (chunk: string | Buffer) => Promise<void>
  readonly stderr: (chunk: string | Buffer) => Promise<void>
  readonly env: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** Written before each line that is read from a terminal; empty where there is none. */
  readonly prompt: string
}

type Command = (args: readonly string[], io: Io) => Promise<number>

/** Ends the shell that runs it, not the step alone. */
class Exit extends Error {
  readonly code: number

  constructor(code: number) {
    super('exit')
    this.code = code
  }
}

const commands: Readonly<Record<string, Command>> = {
  true: () => Promise.resolve(0),
  false: () => Promise.resolve(1),
  echo: async (args, io) => {
    const [first, ...rest] = args
    await io.stdout(first === '-n' ? rest.join(' ') : `${args.join(' ')}\n`)
    return 0
  },
  printf: async ([format = '', ...args], io) => {
    const values = [...args]
    await io.stdout(unescaped(format).replace(/%[sd]/g, () => values.shift() ?? ''))
    return 0
  },
  cat: async (args, io) => {
    const [file] = args.filter((arg) => arg !== '-')
    if (file !== undefined) return complain(io, `cat: ${file}: No such file or directory`, 1)
    for await (const chunk of io.stdin as AsyncIterable<Buffer>) await io.stdout(chunk)
    return 0
  },
  env: async (_, io) => {
    await io.stdout(Object.entries(io.env).map(([name, value]) => `${name}=${value}\n`).join(''))
    return 0
  },
  hostname: async (_, io) => {
    await io.stdout(`${io.env.HOSTNAME ?? ''}\n`)
    return 0
  },
  sleep: async ([seconds = ''], io) => {
    if (!/^\d{1,6}(\.\d+)?$/.test(seconds)) return complain(io, `sleep: invalid time interval '${seconds}'`, 1)
    await sleep(Number(seconds) * 1000, undefined, { signal: io.signal })
    return 0
  },
  exit: ([code = '0']) => Promise.reject(new Exit(Number(code) & 0xff)),
  sh: shell,
  bash: shell,
}

/** Runs a command and returns its exit code; rejects when the signal aborts. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const [path = '', ...args] = argv
  const name = path.replace(/^(\/usr)?\/bin\//, '')
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) return complain(io, `${path}: not found`, 127)
  return command(args, io)
}

async function complain(io: Io, message: string, code: number): Promise<number> {
  await io.stderr(`${message}\n`)
  return code
}

/** `sh -c SCRIPT`, or the lines of stdin. */
async function shell(args: readonly string[], io: Io): Promise<number> {
  try {
    if (args[0] === '-c') return await runScript(args[1] ?? '', io, 0)
    let code = 0
    await io.stdout(io.prompt)
    for await (const line of createInterface({ input: io.stdin })) {
      code = await runScript(line, io, code)
      await io.stdout(io.prompt)
    }
    return code
  } catch (error) {
    if (error instanceof Exit) return error.code
    throw error
  }
}

async function runScript(script: string, io: Io, before: number): Promise<number> {
  let code = before
  const variable = (name: string) => (name === '?' ? String(code) : io.env[name] ?? '')
  try {
    for (const { words, when, toStderr } of readScript(script)) {
      if ((when === 'success' && code !== 0) || (when === 'failure' && code === 0)) continue
      const argv = words.map((word) => expand(word, variable))
      code = await run(argv, toStderr ? { ...io, stdout: io.stderr } : io)
    }
  } catch (error) {
    if (error instanceof SyntaxError) return complain(io, `sh: syntax error: ${error.message}`, 2)
    throw error
  }
  return code
}

function unescaped(format: string): string {
  const meanings: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\' }
  return format.replace(/\\([ntr\\])/g, (_, letter: string) => meanings[letter] ?? '')
}
