/** Where a command writes: process.stdout, or a test's ear. */
export interface Output {
  write(text: string, done: (error?: Error | null) => void): unknown
}

/** Waits until the text is taken, so that a slow reader holds a long answer back. */
export function write(output: Output, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    output.write(text, error => (error ? reject(error) : resolve()))
  })
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
