// The README: see blocks.test.ts.
import { runPages } from '../support/page-run.ts'

runPages(path => path === 'README.md')
