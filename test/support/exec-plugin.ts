import { chmodSync } from 'node:fs'
import { join } from 'node:path'

interface Folders {
  testdir(files: Record<string, string>): string
}

/** A credential plugin as they are installed: an executable of its own, in a folder of this test. The code is CommonJS. */
export function makePlugin(t: Folders, code: string): string {
  const path = join(t.testdir({ 'plugin.cjs': `#!${process.execPath}\n${code}\n` }), 'plugin.cjs')
  chmodSync(path, 0o755)
  return path
}

/** Code that prints an ExecCredential with this status (an expression), and goes on. */
export function answering(status: string, apiVersion = 'client.authentication.k8s.io/v1'): string {
  return `console.log(JSON.stringify({ apiVersion: ${JSON.stringify(apiVersion)}, kind: 'ExecCredential', status: ${status} }))`
}
