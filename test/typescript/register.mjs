// Lets node run TypeScript: where it cannot by itself (before 22.18), by esbuild, once for each file and content.
import { register } from 'node:module'
import process from 'node:process'

if (process.features.typescript === undefined) register('./load.mjs', import.meta.url)
