const sentences: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'cannot be read: permission denied',
  EISDIR: 'is a folder, not a file',
  ENOTDIR: 'lies under something that is no folder',
}

/** Why a file could not be read, for people; the path is in the fault already. */
export function whyUnreadable(error: unknown): string {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException
  return sentences[code] ?? `cannot be read: ${code}`
}
