/** One instruction, its continued lines joined. */
export interface Instruction {
  readonly line: number
  readonly keyword: string
  /** As written, without `--name=value` flags. */
  readonly args: string
  readonly flags: Readonly<Record<string, string>>
  /** Of the exec form, a JSON list; undefined where it is none. */
  readonly words: readonly string[] | undefined
}

export interface Stage {
  readonly from: Instruction
  readonly base: string
  readonly name: string | undefined
  readonly instructions: readonly Instruction[]
}

export interface Dockerfile {
  /** ARGs before the first FROM, with their defaults. */
  readonly args: ReadonlyMap<string, string | undefined>
  readonly stages: readonly Stage[]
}

/** Reads as much of the Dockerfile reference (docs of docker build) as ours uses; throws on what it does not know. */
export function parseDockerfile(text: string): Dockerfile {
  const args = new Map<string, string | undefined>()
  const stages: { from: Instruction, base: string, name: string | undefined, instructions: Instruction[] }[] = []
  for (const instruction of instructionsOf(text)) {
    const stage = stages.at(-1)
    if (instruction.keyword === 'FROM') stages.push({ from: instruction, ...readFrom(instruction.args), instructions: [] })
    else if (stage !== undefined) stage.instructions.push(instruction)
    else if (instruction.keyword === 'ARG') args.set(...readArg(instruction.args))
    else throw new Error(`line ${instruction.line}: ${instruction.keyword} before the first FROM`)
  }
  return { args, stages }
}

function instructionsOf(text: string): Instruction[] {
  const found: Instruction[] = []
  let begun: { line: number, text: string } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(line)) continue
    begun = { line: begun?.line ?? index + 1, text: `${begun?.text ?? ''}${line.replace(/\\$/, '')}` }
    if (line.endsWith('\\')) continue
    found.push(readInstruction(begun.line, begun.text))
    begun = undefined
  }
  return found
}

function readInstruction(line: number, text: string): Instruction {
  const [, keyword = '', written = '', rest = ''] = /^\s*([A-Za-z]+)((?:\s+--[a-z-]+=\S+)*)\s+(.*?)\s*$/.exec(text) ?? []
  if (keyword === '') throw new Error(`line ${line}: no instruction: ${text}`)
  const flags = Object.fromEntries([...written.matchAll(/--([a-z-]+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]))
  // HEALTHCHECK has its command behind a word of its own.
  const command = rest.replace(/^CMD\s+/, '')
  return { line, keyword: keyword.toUpperCase(), args: rest, flags, words: command.startsWith('[') ? JSON.parse(command) as string[] : undefined }
}

function readFrom(args: string): { base: string, name: string | undefined } {
  const [base = '', , name] = args.split(/\s+/)
  return { base, name }
}

/** `NAME` or `NAME=value`. */
export function readArg(args: string): [string, string | undefined] {
  const [, name = '', , value] = /^(\w+)(=(.*))?$/.exec(args) ?? []
  return [name, value]
}

/** `a=b c="d e"`, as ENV and LABEL have it. */
export function pairsOf(args: string): [string, string][] {
  return [...args.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)].map(([, name = '', quoted, plain]) => [name, quoted ?? plain ?? ''])
}

/** The command that a stage ends up with: the last of its keyword. */
export function lastOf(stage: Stage, keyword: string): Instruction | undefined {
  return stage.instructions.findLast(instruction => instruction.keyword === keyword)
}
