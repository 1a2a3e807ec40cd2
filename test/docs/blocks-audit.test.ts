// The page about the audit log: see blocks.test.ts.
import { runPages } from '../support/page-run.ts'

runPages(path => path === 'docs/reference/audit.md')
