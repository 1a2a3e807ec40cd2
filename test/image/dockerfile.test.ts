import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { lintDockerfile } from '../support/dockerfile-lint.ts'

const folder = fileURLToPath(new URL('../../', import.meta.url))
const text = await readFile(join(folder, 'Dockerfile'), 'utf8')
const ignore = await readFile(join(folder, '.dockerignore'), 'utf8')

t.test('the Dockerfile keeps the rules', async (t) => {
  t.strictSame(lintDockerfile(text, { folder, ignore }), [])
})

/** Each damage, and what is said of it: a rule that says nothing would hold nobody. */
const damages: readonly [string, string | RegExp, string, RegExp][] = [
  ['a base by its tag', '${NODE_IMAGE}@${NODE_DIGEST}', 'docker.io/library/node:26', /a base is/],
  ['a digest with a default', 'ARG NODE_DIGEST\n', `ARG NODE_DIGEST=sha256:${'0'.repeat(64)}\n`, /without a default/],
  ['a base of no registry', 'docker.io/library/node:26-trixie-slim\nARG', 'node:26-trixie-slim\nARG', /name its registry/],
  ['latest', 'distroless/nodejs26-debian13\nARG', 'distroless/nodejs26-debian13:latest\nARG', /another image tomorrow/],
  ['two lines of Node', 'distroless/nodejs26-debian13\nARG', 'distroless/nodejs24-debian13\nARG', /Node 26 and 24/],
  ['no LTS line', /(node:|nodejs)26/g, '$125', /Node 25 and 25/],
  ['ADD', 'COPY src', 'ADD src', /ADD fetches/],
  ['all of the folder', 'COPY src ./src', 'COPY . .', /name what is copied/],
  ['what does not exist', 'COPY src ./src', 'COPY lib ./lib', /lib does not exist/],
  ['what .dockerignore keeps out', 'COPY src ./src', 'COPY src test ./', /keeps test out/],
  ['what nothing copies', 'COPY src ./src\n', '', /nothing copies what !src/],
  ['another stage', '--from=build /build/dist', '--from=builder /build/dist', /no stage builder/],
  ['something fetched', 'npm ci', 'npm install', /lock file/],
  ['a shell in the last stage', 'USER 1001:0', 'RUN chmod 700 /\nUSER 1001:0', /needs a shell/],
  ['sources in the last stage', 'USER 1001:0', 'COPY src /src\nUSER 1001:0', /from stages alone/],
  ['root', 'USER 1001:0', 'USER 0:0', /other than 0/],
  ['a user by name', 'USER 1001:0', 'USER node', /other than 0/],
  ['another group', 'USER 1001:0', 'USER 1001:1001', /group 0/],
  ['another signal', 'STOPSIGNAL SIGTERM', 'STOPSIGNAL SIGQUIT', /drains/],
  ['a health check by a shell', /CMD \["\/nodejs.*healthcheck"\]/, 'CMD node main.js healthcheck', /exec form/],
  ['a start by a shell', 'CMD ["serve"]', 'CMD serve', /exec form/],
  ['a secret as an argument', 'ARG REVISION=unknown', 'ARG NPM_TOKEN', /history/],
  ['no label', /org\.opencontainers\.image\.licenses="[^"]*" \\\n */, '', /licenses is missing/],
]

for (const [name, what, by, said] of damages) {
  t.test(`it would be found: ${name}`, async (t) => {
    const damaged = text.replace(what, by)
    t.not(damaged, text)
    t.match(lintDockerfile(damaged, { folder, ignore }).join('\n'), said)
  })
}
