/** What is hidden of an option's value: all, or what stands behind a sign in it. */
export type Hidden = 'all' | 'after-colon' | 'after-percent' | 'after-equals'

export interface PasswordOption {
  /** As it is written. `attached`: whether its value may, or must, stand in the same word (behind a `=` where the option is a long one). */
  readonly option: string
  readonly attached: 'may' | 'must' | 'never'
  readonly hides: Hidden
}

const option = (name: string, attached: PasswordOption['attached'], hides: Hidden = 'all'): PasswordOption => ({ option: name, attached, hides })

// `mysql -p` asks for the password: what stands apart is the name of a database.
const mysql = [option('-p', 'must')]
const login = [option('-p', 'may')]
const mongo = [option('-p', 'may')]
const curl = [
  option('-u', 'may', 'after-colon'), option('--user', 'never', 'after-colon'), option('-U', 'may', 'after-colon'),
  option('--proxy-user', 'never', 'after-colon'), option('--oauth2-bearer', 'never'), option('-b', 'may'), option('--cookie', 'never'),
  option('--pass', 'never'), option('--proxy-pass', 'never'),
]
const ldap = [option('-w', 'may')]
const pgp = ['-passin', '-passout', '-pass', '-k'].map(name => option(name, 'never'))

/** Of whatever program. */
const everywhere = [option('--from-literal', 'may', 'after-equals')]

/** Short options that mean a password in these programs, and something else in others. */
const programs: Readonly<Record<string, readonly PasswordOption[]>> = {
  'mysql': mysql, 'mysqldump': mysql, 'mysqladmin': mysql, 'mysqlimport': mysql, 'mysqlshow': mysql, 'mysqlcheck': mysql,
  'mysqlpump': mysql, 'mysqlslap': mysql, 'mariadb': mysql, 'mariadb-dump': mysql, 'mariadb-admin': mysql, 'mycli': login,
  'mongo': mongo, 'mongosh': mongo, 'mongodump': mongo, 'mongorestore': mongo, 'mongoexport': mongo, 'mongoimport': mongo,
  'redis-cli': [option('-a', 'never'), option('--pass', 'never')], 'keydb-cli': [option('-a', 'never')], 'valkey-cli': [option('-a', 'never')],
  'sshpass': login, 'sqlcmd': [option('-P', 'may')], 'bcp': [option('-P', 'may')], 'isql': [option('-P', 'may')],
  'curl': curl, 'wget': [], 'http': [option('-a', 'may', 'after-colon'), option('--auth', 'never', 'after-colon')],
  'https': [option('-a', 'may', 'after-colon'), option('--auth', 'never', 'after-colon')],
  'ldapsearch': ldap, 'ldapmodify': ldap, 'ldapadd': ldap, 'ldapdelete': ldap, 'ldapwhoami': ldap, 'ldappasswd': [...ldap, option('-a', 'may'), option('-s', 'may')],
  'smbclient': [option('-U', 'may', 'after-percent')], 'openssl': pgp, 'unzip': [option('-P', 'never')], 'zip': [option('-P', 'never')],
  '7z': [option('-p', 'must')], '7za': [option('-p', 'must')], 'keytool': [option('-storepass', 'never'), option('-keypass', 'never')],
}

/** `-p` is a password behind the word `login` alone: `docker run -p` is a port. */
const loginPrograms = new Set(['docker', 'podman', 'nerdctl', 'buildah', 'skopeo', 'oc', 'helm', 'crane', 'az'])

/** Follows the words of a command and knows which options mean a password by now. */
export class ProgramOptions {
  #options: readonly PasswordOption[] = everywhere
  #mayLogIn = false

  /** Those of the program that was named last: `env X=1 timeout 5 mysql …` is one of mysql. */
  get options(): readonly PasswordOption[] {
    return this.#options
  }

  follow(word: string): void {
    const name = word.slice(word.lastIndexOf('/') + 1)
    if (Object.hasOwn(programs, name)) {
      this.#options = [...everywhere, ...programs[name] ?? []]
      this.#mayLogIn = false
    } else if (loginPrograms.has(name)) {
      this.#options = everywhere
      this.#mayLogIn = true
    } else if (this.#mayLogIn && word === 'login') {
      this.#options = [...everywhere, ...login]
    }
  }
}
