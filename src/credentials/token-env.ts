import type { Credential, CredentialFacts } from './credential.ts'
import { readToken } from './token.ts'

export interface TokenEnvOptions {
  /** Name of the variable. */
  readonly variable: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A bearer token from the environment, which never changes. Throws where there is none. */
export function createTokenEnv({ variable, env }: TokenEnvOptions): Credential {
  const { presented, claims } = readVariable(variable, env[variable])
  const facts: CredentialFacts = {
    kind: 'tokenEnv', source: `the environment variable ${variable}`, renewal: 'by a restart: an environment never changes',
    claims, trouble: undefined,
  }
  return {
    present: () => presented,
    renew: async rejected => rejected !== presented,
    facts: () => facts,
    close: () => undefined,
  }
}

function readVariable(variable: string, text: string | undefined) {
  if (text === undefined) throw new Error(`the environment variable ${variable} is not set`)
  try {
    return readToken(text)
  } catch (error) {
    throw new Error(`the token in the environment variable ${variable} ${(error as Error).message}`, { cause: error })
  }
}
