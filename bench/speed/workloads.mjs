// What is asked of everyone, and what of it is counted.
import { configMap, discovery, events, exec, list, pod } from './answers.mjs'

/** Nothing where callers come without: kubectl proxy would pass it on in place of its own. */
const keyLine = (key) => key === undefined ? '' : `Authorization: Bearer ${key}\r\n`
export const get = (path) => (key) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: kubectl/v1.35.0 (linux/amd64) kubernetes/6645204\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n${keyLine(key)}\r\n`
export const post = (path, body) => (key) => `POST ${path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: kubectl/v1.35.0 (linux/amd64) kubernetes/6645204\r\nAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${keyLine(key)}\r\n${body}`

const short = { connections: 50, status: 200 }

/**
 * `how`: which of the callers' ways; `warmUpHow`: another one before that, while nothing counts. `path` and `request` say
 * what is sent; `status` is what everyone answers. `atLeast`: seconds of a round, where a shorter one says too little.
 */
export const workloads = {
  get: { title: 'GET of 2 KB', how: 'load', request: get(pod), ...short },
  post: { title: 'POST of 4 KB', how: 'load', request: post(events, configMap), ...short, status: 201 },
  discovery: { title: 'discovery, from the cache', how: 'load', request: get(discovery), ...short },
  fresh: { title: 'GET of 2 KB, a new connection each', how: 'fresh', request: get(pod), connections: 10 },
  http2: { title: 'GET of 2 KB, HTTP/2, 100 streams', how: 'http2', path: pod, streams: 100, status: 200 },
  list10: { title: 'list of 10 MB', how: 'load', request: get(list(10)), connections: 4, status: 200, bytes: 10e6 },
  list100: { title: 'list of 100 MB', how: 'load', request: get(list(100)), connections: 1, status: 200, bytes: 100e6 },
  latency: { title: 'GET of 2 KB at a quarter of what Portcullis can', how: 'pace', warmUpHow: 'load', atLeast: 4, request: get(pod), connections: 50, status: 200 },
  exec: { title: 'exec: 200 MB out of a container', how: 'exec', path: `${exec.path}?command=cat&stdout=true`, bytes: exec.bytes, whole: true },
}
