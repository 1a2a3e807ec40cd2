/** Resolves when it is so. What never comes to be ends with the time that tap gives a file: no deadline of its own blames a busy machine. */
export async function until(wanted: () => boolean | Promise<boolean>): Promise<void> {
  while (!await wanted()) await new Promise(resolve => setTimeout(resolve, 5))
}
