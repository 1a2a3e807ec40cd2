// Who is measured beside whom. `find` resolves with the version, or undefined where it is not here; `start` resolves with its port and process.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath, URL } from 'node:url'
import { promisify } from 'node:util'
import { kubectl } from '../../test/support/kubectl.ts'
import { haproxyConfig, keyMap, kubeconfig, nginxConfig } from './configs.mjs'
import { callersFile, portcullisConfig } from './portcullis.mjs'
import { cores, freePort, launch } from './processes.mjs'

const run = promisify(execFile)
const here = (file) => fileURLToPath(new URL(file, import.meta.url))

/** The first line of what a program says of itself; undefined where it is not on PATH. */
async function versionOf(command, ...args) {
  try {
    const { stdout, stderr } = await run(command, args)
    return (stdout || stderr).trim().split('\n')[0]
  } catch {
    return undefined
  }
}

/** The upstream itself. */
export const direct = {
  name: 'direct', find: () => 'the API server\'s side, read by hand', tlsOnly: true, withToken: true,
  start: ({ upstream }) => ({ ...upstream, stop() { /* it goes on */ } }),
}

export const nginx = {
  name: 'nginx', find: async () => /nginx\/\S+/.exec(await versionOf('nginx', '-v') ?? '')?.[0],
  async start(options) {
    const port = await freePort()
    await writeFile(join(options.folder, 'keys.map'), keyMap(options.keys, '"Bearer {key}" "{name}";'))
    await writeFile(join(options.folder, 'nginx.conf'), nginxConfig({ ...options, port }))
    return launch('nginx', ['-c', join(options.folder, 'nginx.conf'), '-p', options.folder], { ...options, port })
  },
}

export const haproxy = {
  name: 'haproxy', find: async () => (await versionOf('haproxy', '-v'))?.replace(/ - .*/, ''),
  async start(options) {
    const port = await freePort()
    await writeFile(join(options.folder, 'keys.map'), keyMap(options.keys, '{key} {name}'))
    if (options.certificate !== undefined) await writeFile(join(options.folder, 'both.pem'), `${options.certificate.cert}\n${options.certificate.key}`, { mode: 0o600 })
    await writeFile(join(options.folder, 'haproxy.cfg'), haproxyConfig({ ...options, port }))
    return launch('haproxy', ['-f', join(options.folder, 'haproxy.cfg'), '-db'], { ...options, port })
  },
}

/** No caller is authenticated by it, and callers come to it in the clear. */
export const kubectlProxy = {
  name: 'kubectl proxy', withoutKeys: true,
  find: async () => {
    const path = await kubectl('1.35').catch(() => undefined)
    return path === undefined ? undefined : (await versionOf(path, 'version', '--client'))?.replace('Client Version: ', 'kubectl ')
  },
  async start(options) {
    const port = await freePort()
    await writeFile(join(options.folder, 'kubeconfig'), kubeconfig(options), { mode: 0o600 })
    return launch(await kubectl('1.35'), ['proxy', '--port', String(port), '--kubeconfig', join(options.folder, 'kubeconfig'), '--reject-paths', '^$'], { ...options, port, env: { ...process.env, GOMAXPROCS: '1' } })
  },
}

export const go = {
  name: 'Go ReverseProxy', find: async () => /go\d\S+/.exec(await versionOf('go', 'version') ?? '')?.[0],
  async start(options) {
    const port = await freePort()
    const folder = await mkdtemp(join(tmpdir(), 'portcullis-go-'))
    await writeFile(join(options.folder, 'keys'), options.keys.join('\n'))
    await run('go', ['build', '-o', join(folder, 'reverse-proxy'), here('reverse-proxy.go')], { env: { ...process.env, GO111MODULE: 'off', GOFLAGS: '', GOTOOLCHAIN: 'local' } })
    const args = ['-port', String(port), '-upstream', options.upstream.url, '-token', options.token, ...options.certificate === undefined ? [] : ['-tls']]
    const running = await launch(join(folder, 'reverse-proxy'), args, { ...options, port, env: { ...process.env, GOMAXPROCS: '1' } })
    return { ...running, stop: async () => { await running.stop(); await rm(folder, { recursive: true, force: true }) } }
  },
}

/** Those that node runs: by the node of this process, or another. */
export function byNode(node, label) {
  const name = (what) => label === undefined ? what : `${what}, Node ${label}`
  const find = async () => `Node ${(await versionOf(node, '--version'))?.slice(1)}`
  const ofScript = (what, script, more = {}) => ({
    name: name(what), find, ...more,
    async start(options) {
      const port = await freePort()
      await writeFile(join(options.folder, 'options.json'), JSON.stringify({ port, upstream: options.upstream.url, ca: options.ca, token: options.token, certificate: options.certificate }), { mode: 0o600 })
      return launch(node, [here(script), join(options.folder, 'options.json')], { ...options, port })
    },
  })
  return {
    plugin: ofScript('@fastify/http-proxy', 'plugin.mjs'),
    memory: ofScript('Node from memory', 'memory.mjs'),
    portcullis: portcullisBy(node, name('Portcullis'), find),
    // Both on both cores, which callers and API server use as well: what differs is how many they are.
    oneWorker: portcullisBy(node, name('Portcullis, 1 worker'), find, { config: { workers: 1 } }),
    twoWorkers: portcullisBy(node, name('Portcullis, 2 workers'), find, { config: { workers: 2 } }),
    /** With other sections in its config. */
    configured: (config) => portcullisBy(node, name('Portcullis'), find, { config }),
    /** With so many callers, rules each, and clusters. */
    shaped: (shape) => portcullisBy(node, `${shape.callers} callers × ${shape.rules} rules, ${shape.clusters} clusters`, find, { shape }),
  }
}

function portcullisBy(node, name, find, { config = {}, shape = { callers: 1000, rules: 20, clusters: 1 } } = {}) {
  return {
    name, find, ours: true, callers: shape.callers,
    async start({ minted, ...given }) {
      const options = { ...given, ...shape, minted: minted.slice(0, shape.callers) }
      const port = await freePort()
      const write = (file, text) => writeFile(join(options.folder, file), text, { mode: 0o600 })
      await write('token', options.token)
      await write('ca.crt', options.ca)
      await write('callers.yaml', callersFile(options))
      await write('portcullis.yaml', portcullisConfig({ ...options, port, config }))
      // Its own log goes to a file, and says every request that failed.
      return launch(node, [here('../../dist/main.js'), 'serve', '--config', 'portcullis.yaml'], { ...options, port, core: config.workers === undefined ? undefined : cores?.both })
    },
  }
}

/** A folder of its own for each, removed when it is stopped. */
export async function startContender(contender, options) {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-speed-'))
  try {
    await mkdir(join(folder, 'temporary'))
    if (options.certificate !== undefined) {
      await writeFile(join(folder, 'tls.crt'), options.certificate.cert)
      await writeFile(join(folder, 'tls.key'), options.certificate.key, { mode: 0o600 })
    }
    await writeFile(join(folder, 'ca.pem'), options.ca)
    const running = await contender.start({ ...options, folder })
    return { ...running, folder, stop: async () => { await running.stop(); await rm(folder, { recursive: true, force: true }) } }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}
