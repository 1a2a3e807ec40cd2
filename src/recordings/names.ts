const longestCaller = 64

/** `<date>-<caller>-<auditID>.cast`: the name of a caller holds nothing that leads elsewhere. `at`: milliseconds since the epoch. */
export function recordingName(at: number, caller: string, auditId: string): string {
  const safe = caller.replace(/[^\w.-]/g, '_').slice(0, longestCaller)
  return `${new Date(at).toISOString().slice(0, 10)}-${safe}-${auditId}.cast`
}

const form = /^\d{4}-\d\d-\d\d-.{0,64}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.cast(?:\.part)?$/

/** Whether a file is a recording, whole or not: what else lies in the folder is not ours to delete. */
export function isRecording(name: string): boolean {
  return form.test(name)
}
