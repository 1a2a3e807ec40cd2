/** Settles as `work` does, or rejects after `milliseconds`: a disk that hangs holds nobody. */
export async function inTime<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the disk did not answer in time')), milliseconds)
  })
  // What comes of it later nobody waits for any more.
  work.catch(() => {})
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
