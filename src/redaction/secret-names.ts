/** Words at the end of a name by which what has that name is secret, for a regular expression without regard to case. */
export const secretName = '(?:token|passw(?:or)?d|passphrase|secret|(?:secret|access|api|private|encryption)[_-]?key|credentials?)'

/** The name of a variable, or of a field: `DB_PASSWORD`, `MYSQL_PWD`, `secretKey`; not `secretName`, which names one. */
const secretVariable = new RegExp(`(?:${secretName}|(?:^|[_-])(?:pwd|pass|auth|bearer))$`, 'i')

/** Longer names are none that a person gave. */
const longest = 200

export function isSecretName(name: string): boolean {
  return name.length <= longest && secretVariable.test(name)
}
