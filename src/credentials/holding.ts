import type { Credential, Presented } from './credential.ts'

/** The same credential, which tells each token before anybody gets it: so none is ever on its way unknown. */
export function holding(credential: Credential, hold: (secrets: readonly string[]) => void): Credential {
  let told: Presented | undefined
  return {
    bootstrap: credential.bootstrap,
    present() {
      const presented = credential.present()
      if (presented !== told) hold(tokenOf(presented))
      told = presented
      return presented
    },
    renew: rejected => credential.renew(rejected),
    facts: () => credential.facts(),
    close() {
      hold([])
      credential.close()
    },
  }
}

/** A private key needs no telling: it looks like one. */
function tokenOf({ authorization }: Presented): string[] {
  return authorization === undefined ? [] : [authorization.replace(/^\S+\s+/, '')]
}
