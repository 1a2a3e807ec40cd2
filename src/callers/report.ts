import type { Fault, Path } from '../files/fault.ts'
import { locateIn } from './entries.ts'
import type { Entry } from './entries.ts'

/** Collects what is found in entries, at paths within them. */
export class Report {
  readonly faults: Fault[] = []
  readonly warnings: Fault[] = []

  fault(entry: Entry<unknown>, path: Path, message: string): void {
    this.faults.push(locateIn(entry, path, message))
  }

  warn(entry: Entry<unknown>, path: Path, message: string): void {
    this.warnings.push(locateIn(entry, path, message))
  }
}
