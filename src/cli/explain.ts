import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { createExplain, type Explain, type ExplainRequest, type Load } from './judge.ts'
import { messageOf, write, type Output } from './output.ts'

export interface ExplainArgs {
  readonly caller?: string | undefined
  /** `-` without a URL: JSON lines on stdin. */
  readonly method?: string | undefined
  readonly url?: string | undefined
}

export interface ExplainDeps {
  readonly load: Load
  readonly stdin: Readable
  readonly stdout: Output
  readonly stderr: Output
}

/**
 * `portcullis explain`: how a request is read and judged, and why. Returns the exit code:
 * 0 done, 1 a "no" or a fault in what was given, 2 wrong usage. A "no" among JSON lines
 * is an answer like any other.
 */
export async function explainCommand({ caller, method, url }: ExplainArgs, deps: ExplainDeps): Promise<number> {
  const explain = createExplain(deps.load)
  try {
    if (method === '-' && url === undefined) return await explainLines(caller, explain, deps)
    if (method === undefined || url === undefined) {
      await write(deps.stderr, 'portcullis explain: METHOD and URL are needed, or - alone for JSON lines on stdin\n')
      return 2
    }
    const explanation = await explain({ method, url, caller })
    await write(deps.stdout, `${JSON.stringify(explanation, null, 2)}\n`)
    return explanation.attributes === null || explanation.verdict?.allowed === false ? 1 : 0
  } catch (error) {
    await write(deps.stderr, `portcullis explain: ${messageOf(error)}\n`)
    return 1
  }
}

/** A faulty line is answered by a line that says so, and the rest goes on. */
async function explainLines(caller: string | undefined, explain: Explain, deps: ExplainDeps): Promise<number> {
  let code = 0
  for await (const line of createInterface({ input: deps.stdin, crlfDelay: Infinity })) {
    if (line.trim() === '') continue
    const answer = await explainLine(line, caller, explain)
    if ('error' in answer) code = 1
    await write(deps.stdout, `${JSON.stringify(answer)}\n`)
  }
  return code
}

async function explainLine(line: string, caller: string | undefined, explain: Explain): Promise<object> {
  try {
    const request = parseLine(line)
    return await explain({ ...request, caller: request.caller ?? caller })
  } catch (error) {
    return { attributes: null, verdict: null, error: messageOf(error) }
  }
}

const fields = { method: 'string', url: 'string', caller: 'string', upgrade: 'boolean', contentType: 'string', cluster: 'string' } as const

/** Fields that are not ours are let pass: a line may carry what its writer wants to find again. */
function parseLine(line: string): ExplainRequest {
  const value = parseJson(line)
  const request: Record<string, unknown> = {}
  for (const [name, type] of Object.entries(fields)) {
    const given = value[name] ?? undefined
    if (given === undefined && name !== 'method' && name !== 'url') continue
    if (typeof given !== type) throw new Error(`${name} must be a ${type}`)
    request[name] = given
  }
  return request as unknown as ExplainRequest
}

function parseJson(line: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw new Error('not a line of JSON', { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('a line must hold a JSON object')
  return value as Record<string, unknown>
}
