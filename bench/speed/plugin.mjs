// The plain plugin: fastify and @fastify/http-proxy as its README shows it, with the header injected. No caller is authenticated, nothing is recorded.
import { readFileSync } from 'node:fs'
import process from 'node:process'
import httpProxy from '@fastify/http-proxy'
import fastify from 'fastify'

const { port, upstream, ca, token, certificate } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const app = fastify(certificate === undefined ? {} : { https: certificate })
await app.register(httpProxy, {
  upstream,
  undici: { connections: 256, connect: { ca, servername: 'localhost' } },
  replyOptions: { rewriteRequestHeaders: (_request, headers) => ({ ...headers, authorization: `Bearer ${token}` }) },
})
await app.listen({ port, host: '127.0.0.1', backlog: 1024 })
