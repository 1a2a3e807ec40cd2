import { writeFileSync } from 'node:fs'
import { jsonSchemas } from './json-schema.ts'

// Run after a change of the schemas; test/config/json-schema.test.ts fails until then.
for (const [name, text] of Object.entries(jsonSchemas())) {
  writeFileSync(new URL(`../../config/${name}`, import.meta.url), text)
}
