// All other pages: see blocks.test.ts.
import { runPages } from '../support/page-run.ts'

runPages(path => !['README.md', 'docs/from-a-shared-token.md', 'docs/reference/audit.md'].includes(path))
