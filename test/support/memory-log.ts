import { EventEmitter, once } from 'node:events'

/** Where a log may write; tells of each line as it comes. */
export class MemoryLog extends EventEmitter<{ line: [string] }> {
  text = ''

  constructor() {
    super()
    this.setMaxListeners(0)
  }

  write(line: string): void {
    this.text += line
    this.emit('line', line)
  }

  /** Resolves when that has been said, whether before or from now on. */
  async says(what: RegExp): Promise<void> {
    while (!what.test(this.text)) await once(this, 'line')
  }
}
