// A bare server of node that answers from memory: what the discovery cache is measured by.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import process from 'node:process'
import { discoveryBody } from './answers.mjs'

const { port, certificate } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const answer = (_request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': discoveryBody.length })
  response.end(discoveryBody)
}
const server = certificate === undefined ? createServer(answer) : createSecureServer(certificate, answer)
server.listen({ port, host: '127.0.0.1', backlog: 1024 })
