// A release changes version, chart and changelog together, or nothing at all.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../', import.meta.url))
const files = ['package.json', 'package-lock.json', 'helm/portcullis/Chart.yaml', 'CHANGELOG.md']
const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null', GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@example', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@example' }

/** A repository with the files of this one that a release changes, whose `npm test` is that command. */
function repository(folder: string, test = 'true') {
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    cpSync(join(root, file), join(folder, file))
  }
  const read = (file: string) => readFileSync(join(folder, file), 'utf8')
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text)
  // Whatever release this one is at.
  write('package.json', read('package.json').replace(/^ {2}"version": ".*"/m, '  "version": "0.1.0"').replace(/^( {4}"test": ).*$/m, `$1${JSON.stringify(test)},`))
  write('CHANGELOG.md', read('CHANGELOG.md').replace('## Unreleased\n', '## Unreleased\n\n- What is new.\n'))
  const git = (...args: string[]) => spawnSync('git', args, { cwd: folder, env, encoding: 'utf8' }).stdout.trim()
  git('init', '--quiet')
  git('add', '.')
  git('commit', '--quiet', '--message', 'all')
  const release = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'scripts/release.mjs'), ...args], { cwd: folder, env, encoding: 'utf8' })
    return { status, stdout, stderr }
  }
  const state = () => [git('status', '--porcelain'), git('rev-parse', 'HEAD'), git('tag')]
  return { read, write, git, release, state }
}

t.test('version, lock file, chart and changelog become that version, in one commit with a tag', async (t) => {
  const { read, git, release } = repository(t.testdir())
  t.match(release('0.2.0'), { status: 0, stdout: /v0\.2\.0.*git push/ })
  t.equal(JSON.parse(read('package.json')).version, '0.2.0')
  const lock = JSON.parse(read('package-lock.json'))
  t.strictSame([lock.version, lock.packages[''].version], ['0.2.0', '0.2.0'])
  t.match(read('helm/portcullis/Chart.yaml'), /^version: 0\.2\.0\nappVersion: 0\.2\.0$/m)
  t.match(read('CHANGELOG.md'), /^## Unreleased\n\n## 0\.2\.0 \(\d{4}-\d\d-\d\d\)\n\n- What is new\.$/m)
  t.equal(git('log', '-1', '--format=%s'), 'Release 0.2.0')
  t.equal(git('cat-file', '-t', 'v0.2.0'), 'tag')
  t.equal(git('rev-parse', 'v0.2.0^{commit}'), git('rev-parse', 'HEAD'))
  t.equal(git('status', '--porcelain'), '')
  t.strictSame(git('diff', '--name-only', 'HEAD~').split('\n').sort(), [...files].sort())
})

t.test('a dry run says what it would do, and does nothing', async (t) => {
  const { release, state } = repository(t.testdir())
  const before = state()
  t.match(release('--dry-run', '0.2.0'), { status: 0, stdout: /npm test.*0\.2\.0 into package\.json, .*commit "Release 0\.2\.0" and tag v0\.2\.0/ })
  t.strictSame(state(), before)
})

t.test('refused, with the reason, and nothing is changed', async (t) => {
  const { release, git, state, write, read } = repository(t.testdir(), 'exit 1')
  const refused = (args: string[], why: RegExp) => {
    const before = state()
    t.match(release(...args), { status: 1, stderr: why }, args.join(' '))
    t.strictSame(state(), before, args.join(' '))
  }
  refused([], /three numbers/)
  refused(['v0.2.0'], /three numbers/)
  refused(['0.1.0'], /not above 0\.1\.0/)
  refused(['0.0.9'], /not above/)
  refused(['0.2.0'], /npm test fails/)
  git('tag', 'v0.2.0')
  refused(['0.2.0'], /tag v0\.2\.0 is there/)
  write('left-over', '')
  refused(['0.3.0'], /not clean: .*\n.*left-over/)
  write('CHANGELOG.md', read('CHANGELOG.md').replace(/(## Unreleased\n)[^]*/, '$1'))
  git('add', '.')
  git('commit', '--quiet', '--message', 'nothing new')
  refused(['0.3.0'], /nothing under "## Unreleased"/)
})

t.test('what the tests leave behind does not become part of a release', async (t) => {
  const { release, git } = repository(t.testdir(), 'touch left-over')
  t.match(release('0.2.0'), { status: 1, stderr: /not clean/ })
  t.equal(git('tag'), '')
})
