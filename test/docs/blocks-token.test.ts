// The way from a shared token: see blocks.test.ts.
import { runPages } from '../support/page-run.ts'

runPages(path => path === 'docs/from-a-shared-token.md')
