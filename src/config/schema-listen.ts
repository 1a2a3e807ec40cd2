import { Type } from '../files/shape.ts'
import { choice, duration, port, section, size, text, texts } from './fields.ts'

const tls = section({
  certFile: text({ description: 'PEM file with the certificate chain; reread when it changes.' }),
  keyFile: text({ description: 'PEM file with its private key; reread when it changes.' }),
  clientCaFile: Type.Optional(text({
    description: 'PEM file of a CA: a caller may present a certificate of it, and one that does not verify ends the connection. Callers are known by API keys all the same.',
  })),
}, { description: 'Certificate of the data listener. Needed on anything but loopback, unless insecure is true.' })

export const listen = section({
  host: text({ default: '0.0.0.0', description: 'Address to listen on.' }),
  port: port({ default: 8443, description: 'Port to listen on; 0 takes a free one.' }),
  tls: Type.Optional(tls),
  insecure: Type.Boolean({ default: false, description: 'True is needed to serve plain HTTP on anything but loopback.' }),
  http2: Type.Boolean({ default: true, description: 'Whether to offer HTTP/2 beside HTTP/1.1 (over TLS alone).' }),
  keepAlive: duration({
    default: '120s',
    description: 'How long an idle connection stays open. Longer than the 90 s of Go clients, so that no reused socket loses a POST.',
  }),
  trustedProxies: texts({
    default: [],
    description: 'CIDRs of proxies in front of this one; the source is then the rightmost X-Forwarded-For that is not one of them.',
  }),
}, { default: {}, description: 'The data plane: where callers connect to.' })

export const admin = section({
  host: text({ default: '127.0.0.1', description: 'Address to listen on.' }),
  port: port({ default: 9443, description: 'Port to listen on; 0 takes a free one.' }),
}, { default: {}, description: 'Health and metrics, by plain HTTP; never the data plane.' })

export const limits = section({
  maxRequestBody: size({ default: '3MiB', description: 'Largest request body; not for long-running requests.' }),
  maxHeaderSize: size({ default: '64KiB', description: 'Most bytes of request line and headers together.' }),
  headerTimeout: duration({ default: '10s', description: 'Longest time for a request\'s headers to arrive.' }),
  maxConnections: Type.Integer({
    default: 20000, minimum: 1,
    description: 'Most connections of callers at once. A start warns when the descriptor limit is below twice this.',
  }),
}, { default: {}, description: 'Limits that hold for every caller.' })

export const log = section({
  level: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    default: 'info', description: 'Least level that is written.',
  }),
}, { default: {}, description: 'The operational log, on stderr.' })
