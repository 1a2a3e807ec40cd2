import t from 'tap'
import { hideInArguments } from '../../src/redaction/arguments.ts'
import { keyFor } from '../support/keys.ts'

const { key } = keyFor('k7Q2mX9a')
const words = (text: string) => text.split(' ')

/** Arguments, a blank between two of them. */
const rows: [string, string, string][] = [
  ['a flag with its value', 'login --token=abc x', 'login --token=[redacted] x'],
  ['a flag and its value apart', 'login --token abc x', 'login --token [redacted] x'],
  ['a flag with one dash', 'tool -api-key abc', 'tool -api-key [redacted]'],
  ['a flag whose name only begins like one', 'tool --password-stdin x --token-ttl=5', 'tool --password-stdin x --token-ttl=5'],
  ['a flag without a value', 'tool --password', 'tool --password'],
  ['a variable', 'env PASSWORD=abc PATH=/bin x', 'env PASSWORD=[redacted] PATH=/bin x'],
  ['variables of many names', 'env PGPASSWORD=a MYSQL_PWD=b AWS_SECRET_ACCESS_KEY=c DB_PASS=d GITHUB_TOKEN=e', 'env PGPASSWORD=[redacted] MYSQL_PWD=[redacted] AWS_SECRET_ACCESS_KEY=[redacted] DB_PASS=[redacted] GITHUB_TOKEN=[redacted]'],
  ['variables that are none of these', 'env COMPASS=north KEY=x PWDX=1 AUTHOR=me', 'env COMPASS=north KEY=x PWDX=1 AUTHOR=me'],
  ['mysql', 'mysql -uroot -pabc db', 'mysql -uroot -p[redacted] db'],
  ['mysql that asks', 'mysql -uroot -p db', 'mysql -uroot -p db'],
  ['mysql by its path, behind others', 'timeout 5 /usr/bin/mysqldump -pabc', 'timeout 5 /usr/bin/mysqldump -p[redacted]'],
  ['-p of other programs', 'mkdir -p abc', 'mkdir -p abc'],
  ['-p behind a program that has another', 'mysql -pabc x && mkdir -p abc', 'mysql -p[redacted] x && mkdir -p abc'],
  ['docker run', 'docker run -p 80:80 x', 'docker run -p 80:80 x'],
  ['docker login', 'docker login -u me -p abc registry', 'docker login -u me -p [redacted] registry'],
  ['sshpass', 'sshpass -p abc ssh x', 'sshpass -p [redacted] ssh x'],
  ['redis', 'redis-cli -a abc ping', 'redis-cli -a [redacted] ping'],
  ['mongosh', 'mongosh -u x -p abc', 'mongosh -u x -p [redacted]'],
  ['curl', 'curl -u user:abc https://x', 'curl -u user:[redacted] https://x'],
  ['curl, in one word', 'curl -uuser:abc https://x', 'curl -uuser:[redacted] https://x'],
  ['curl, with other options', 'curl -sku user:abc https://x', 'curl -sku user:[redacted] https://x'],
  ['curl, by the long option', 'curl --user user:abc --proxy-user p:abc x', 'curl --user user:[redacted] --proxy-user p:[redacted] x'],
  ['curl that asks', 'curl -u user https://x', 'curl -u user https://x'],
  ['-u of other programs', 'sort -u a:b', 'sort -u a:b'],
  ['a URL', 'git clone https://me:abc@git/x', 'git clone https://me:[redacted]@git/x'],
  ['a URL of a database', 'psql postgres://me:abc@db:5432/x', 'psql postgres://me:[redacted]@db:5432/x'],
  ['a URL without a password', 'git clone ssh://git@git:22/x https://h:80/a@b', 'git clone ssh://git@git:22/x https://h:80/a@b'],
  ['openssl', 'openssl rsa -passin pass:abc', 'openssl rsa -passin [redacted]'],
  ['a literal of a Secret', 'kubectl create secret generic x --from-literal=a=abc --from-literal b=abc', 'kubectl create secret generic x --from-literal=a=[redacted] --from-literal b=[redacted]'],
  ['a key of ours in base64', `echo ${Buffer.from(key).toString('base64')}`, 'echo [redacted]'],
  ['nothing of the kind', 'tar -cf - -C / x', 'tar -cf - -C / x'],
]

for (const [name, given, expected] of rows) {
  t.test(`of arguments: ${name}`, async (t) => {
    t.equal(hideInArguments(words(given)).join(' '), expected)
    t.strictSame(hideInArguments(words(expected)), words(expected), 'hiding twice changes nothing')
  })
}

/** A last argument in which there are blanks. */
const scripts: [string, string[], string][] = [
  ['a header', ['curl', '-H', 'Authorization: abc def'], 'Authorization: [redacted]'],
  ['a header with a scheme', ['curl', '-H', 'authorization: Bearer abc'], 'authorization: Bearer [redacted]'],
  ['other headers', ['curl', '-H', 'X-Vault-Token: abc'], 'X-Vault-Token: [redacted]'],
  ['a header that is none of these', ['curl', '-H', 'Accept: text/html'], 'Accept: text/html'],
  ['a value of two words', ['env', 'PASSWORD=abc def'], 'PASSWORD=[redacted]'],
  ['a flag in a script', ['sh', '-c', 'login --token abc && ls'], 'login --token [redacted] && ls'],
  ['a flag in a script, quoted', ['sh', '-c', 'login --password \'a b\' -x'], 'login --password [redacted] -x'],
  ['a variable in a script', ['sh', '-c', 'PASSWORD=abc; ls "$X"'], 'PASSWORD=[redacted]; ls "$X"'],
  ['a variable in a script, quoted', ['bash', '-lc', 'export DB_PASSWORD="a b"; ls'], 'export DB_PASSWORD=[redacted]; ls'],
  ['mysql in a script', ['sh', '-c', 'cd / && mysql -pabc <dump'], 'cd / && mysql -p[redacted] <dump'],
  ['mysql in a script, its password in quotes', ['sh', '-c', 'mysql -p\'a b\''], 'mysql -p[redacted]'],
  ['curl in a script', ['sh', '-c', 'curl -u "me:a b" x'], 'curl -u "me:[redacted]" x'],
  ['a header in a script', ['sh', '-c', 'curl -H "Authorization: opaque" x'], 'curl -H "Authorization: [redacted]" x'],
  ['a script in a script', ['sh', '-c', 'su - me -c "mysql -pabc x"'], 'su - me -c "mysql -p[redacted] x"'],
  ['what another command of the script says', ['sh', '-c', 'mysql x; mkdir -p abc'], 'mysql x; mkdir -p abc'],
  ['what is not secret stays as it was written', ['sh', '-c', 'echo   \'a\'"b" $(date) > "x y" # don\'t'], 'echo   \'a\'"b" $(date) > "x y" # don\'t'],
  ['a URL in a script', ['sh', '-c', 'wget http://u:abc@h/'], 'wget http://u:[redacted]@h/'],
]

for (const [name, given, expected] of scripts) {
  t.test(`of an argument with blanks: ${name}`, async (t) => {
    t.equal(hideInArguments(given).at(-1), expected)
    t.equal(hideInArguments([...given.slice(0, -1), expected]).at(-1), expected, 'hiding twice changes nothing')
  })
}

t.test('a command does not hide behind what looks like a secret at its beginning', async (t) => {
  t.match(hideInArguments(['sh', '-c', 'TOKEN=x; rm -rf /data']).at(-1), /rm -rf \/data/)
  t.match(hideInArguments(['bash', '-ec', 'Authorization: x; rm -rf /data']).at(-1), /rm -rf \/data/)
})

t.test('arguments made to be slow take no time', async (t) => {
  const unit = 64 * 1024
  const slow = ['\'', '"', '\\', '"\\', '--token ', 'mysql -p ', 'a:', 'x://', 'x://a:', 'PASSWORD=', '( ', 'sh -c \'', 'a"b"', '-u ', 'curl -u a:b ', 'Authorization: ']
  for (const each of slow) {
    const began = process.cpuUsage()
    hideInArguments(['sh', '-c', each.repeat(unit / each.length)])
    hideInArguments(each.repeat(unit / each.length).split(' '))
    const { user, system } = process.cpuUsage(began)
    t.ok((user + system) / 1000 < 500, `${each} took ${(user + system) / 1000} ms`)
  }
})
