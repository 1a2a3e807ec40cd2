// npm run release -- 0.2.0 [--dry-run]: a release of the repository that it is called in. Everything is looked at before
// anything is changed; nothing is pushed.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { parseArgs } from 'node:util'

const chart = 'helm/portcullis/Chart.yaml'
const files = ['package.json', 'package-lock.json', chart, 'CHANGELOG.md']

function git(...args) {
  return execFileSync('git', args, { encoding: 'utf8' }).trim()
}

function refuse(message) {
  process.stderr.write(`release: ${message}\n`)
  process.exit(1)
}

/** Numbers of a version of three; undefined for anything else. */
function parts(version) {
  return /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}$/.test(version) ? version.split('.').map(Number) : undefined
}

function isAbove(version, other) {
  const [ours, theirs] = [parts(version), parts(other)]
  const at = ours.findIndex((number, index) => number !== theirs[index])
  return at >= 0 && ours[at] > theirs[at]
}

/** The text with that one place changed; a file in which it is not there once is not ours to guess about. */
function replaceOnce(file, text, pattern, by) {
  if (text.match(new RegExp(pattern.source, `${pattern.flags}g`))?.length !== 1) refuse(`${file} does not have ${pattern} exactly once: mend it first`)
  return text.replace(pattern, by)
}

/** Every file of the release with its new text. */
function changed(version, day) {
  const text = Object.fromEntries(files.map(file => [file, readFileSync(file, 'utf8')]))
  const lock = JSON.parse(text['package-lock.json'])
  lock.version = lock.packages[''].version = version
  const changelog = text['CHANGELOG.md']
  const [, unreleased = ''] = /^## Unreleased\n(.*?)(?=^## |$(?![^]))/ms.exec(changelog) ?? []
  if (!/^- /m.test(unreleased)) refuse('CHANGELOG.md has nothing under "## Unreleased": write what users see of this release there')
  return {
    'package.json': replaceOnce('package.json', text['package.json'], /^ {2}"version": "[^"]*"/m, `  "version": "${version}"`),
    'package-lock.json': `${JSON.stringify(lock, null, 2)}\n`,
    [chart]: replaceOnce(chart, replaceOnce(chart, text[chart], /^version: .*$/m, `version: ${version}`), /^appVersion: .*$/m, `appVersion: ${version}`),
    'CHANGELOG.md': replaceOnce('CHANGELOG.md', changelog, /^## Unreleased\n/m, `## Unreleased\n\n## ${version} (${day})\n`),
  }
}

function check(version) {
  if (parts(version) === undefined) refuse('name the version as three numbers: npm run release -- 0.2.0')
  const { version: current } = JSON.parse(readFileSync('package.json', 'utf8'))
  if (!isAbove(version, current)) refuse(`${version} is not above ${current}, the version in package.json`)
  if (git('tag', '--list', `v${version}`) !== '') refuse(`the tag v${version} is there already`)
  const dirty = git('status', '--porcelain')
  if (dirty !== '') refuse(`the tree is not clean: commit or remove\n${dirty}`)
}

function isGreen() {
  try {
    execFileSync('npm', ['test'], { stdio: ['ignore', 2, 2] })
    return true
  } catch {
    return false
  }
}

const { values: { 'dry-run': dryRun }, positionals: [version = ''] } = parseArgs({ allowPositionals: true, options: { 'dry-run': { type: 'boolean', default: false } } })
check(version)
const texts = changed(version, new Date().toISOString().slice(0, 10))
if (dryRun) {
  process.stdout.write(`Would run npm test, write ${version} into ${files.join(', ')}, commit "Release ${version}" and tag v${version}.\n`)
} else {
  if (!isGreen()) refuse('npm test fails: nothing was changed')
  // Tests may have left something behind; it must not become part of the release.
  check(version)
  for (const [file, text] of Object.entries(texts)) writeFileSync(file, text)
  git('add', '--', ...files)
  git('commit', '--quiet', '--message', `Release ${version}`)
  git('tag', '--annotate', '--message', `Portcullis ${version}`, `v${version}`)
  process.stdout.write(`Committed and tagged v${version}. What is left: git push --follow-tags, then build the image and npm publish.\n`)
}
