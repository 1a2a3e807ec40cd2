// `portcullis serve` with another place for what a kubelet gives to a pod. Started by serve-process.ts.
import process from 'node:process'
import { serveCommand } from '../../dist/cli/serve.js'

const [configFile = '', podFolder = ''] = process.argv.slice(2)
process.exitCode = await serveCommand({ configFile }, { stderr: process.stderr, env: process.env, podFolder })
