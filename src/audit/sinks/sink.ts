/** How a sink tells of its troubles. */
export interface SinkReport {
  /** Lines that will never be written. */
  dropped(lines: number): void
  /** An attempt failed; it will be repeated. */
  failed(error: Error): void
  /** Lines are written again after attempts that failed. */
  recovered?(): void
}

/** Where audit lines go. A line comes without its line break, and none is inside it. */
export interface Sink {
  readonly name: string
  /** Before the first line. */
  attach(report: SinkReport): void
  /** Takes the line and returns at once; it is written with others, soon. */
  write(line: string): void
  /** Resolves when the line is written. Rejects when it could not be now: it is kept, and tried again later. */
  writeNow(line: string): Promise<void>
  /** False while lines cannot be written. */
  healthy(): boolean
  /** Writes what is held, within a bound. */
  close(): Promise<void>
}
