// The API server's side of the rotation run: the sample cluster, whose tokens live for hardly more than a second.
import { randomBytes } from 'node:crypto'
import { rename, writeFile } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import { setInterval } from 'node:timers'
import { createSampleCluster } from '../../dist/sample/cluster.js'
import { serve } from './part.mjs'

/** Milliseconds: 80 % of it is a second. */
const tokenLifetime = 1300
const bootstrap = 'system:serviceaccount:portcullis:bootstrap'
const account = 'system:serviceaccount:portcullis:portcullis'
const tokenPath = '/api/v1/namespaces/portcullis/serviceaccounts/portcullis/token'

/** Until when each token of the file is let in. */
const ofFile = new Map()
let sample
let bootstrapToken
let rejected = 0

serve({
  async start({ certificate, token }) {
    bootstrapToken = token
    sample = await createSampleCluster({
      token, certificate, authenticate, authorize: mayAsk, maxTokenLifetime: tokenLifetime, maxRequests: 1e6, history: 1e5, maxObjects: 1e5,
    })
    return { url: sample.url }
  },
  /** From now on the file has another token every so many milliseconds; the one before is let in for a while longer. */
  async rotateFile({ path, every, overlap }) {
    let current
    const rotate = async () => {
      const next = randomBytes(32).toString('hex')
      ofFile.set(next, Infinity)
      await writeFile(`${path}.next`, next, { mode: 0o600 })
      await rename(`${path}.next`, path)
      if (current !== undefined) ofFile.set(current, performance.now() + overlap)
      current = next
    }
    await rotate()
    setInterval(() => void rotate(), every)
  },
  /** How many credentials callers' requests came with, and how many requests with none that is let in. */
  seen() {
    const tokens = new Set(sample.requests().filter(isForwarded).map(authorizationOf))
    return { rotations: tokens.size - 1, rejected }
  },
})

function authenticate(authorization) {
  const token = authorization.replace(/^Bearer /, '')
  if (token === bootstrapToken) return bootstrap
  if ((ofFile.get(token) ?? 0) > performance.now()) return account
  rejected += 1
  return undefined
}

function mayAsk(user, method, path) {
  return user !== bootstrap || (method === 'POST' && path === tokenPath)
}

function isForwarded({ headers }) {
  return headers.some((name) => name.toLowerCase() === 'x-forwarded-for')
}

function authorizationOf({ headers }) {
  return headers[headers.findIndex((name) => name.toLowerCase() === 'authorization') + 1]
}
