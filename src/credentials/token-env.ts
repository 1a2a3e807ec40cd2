import type { Credential } from './credential.ts'
import { describeToken, readToken } from './token.ts'

export interface TokenEnvOptions {
  /** Name of the variable. */
  readonly variable: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A bearer token from the environment, which never changes. Throws where there is none. */
export function createTokenEnv({ variable, env }: TokenEnvOptions): Credential {
  const token = readVariable(variable, env[variable])
  return {
    authorization: () => token.authorization,
    renew: async rejected => rejected !== token.authorization,
    expiresAt: () => token.claims.expiresAt,
    account: () => token.claims.account,
    describe: () => `the token in the environment variable ${variable}, ${describeToken(token)}`,
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
