import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { definitionFiles } from '../callers/kubernetes/definitions.ts'
import { chartValuesSchema, jsonSchemas } from './json-schema.ts'
import { optionPage } from './option-page.ts'

// Run after a change of the schemas; test/config/json-schema.test.ts, test/config/example.test.ts and test/callers/kubernetes/definitions.test.ts fail until then.
write('config', jsonSchemas())
write('docs/reference', { 'config.md': optionPage() })
write('helm/portcullis/crds', definitionFiles())
const values = 'values.schema.json'
write('helm/portcullis', { [values]: chartValuesSchema(readFileSync(new URL(`../../helm/portcullis/${values}`, import.meta.url), 'utf8')) })

function write(folder: string, files: Readonly<Record<string, string>>): void {
  const url = new URL(`../../${folder}/`, import.meta.url)
  mkdirSync(url, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(new URL(name, url), text)
}
