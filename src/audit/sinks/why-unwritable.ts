/** In words, with what to do, for an operator. */
export function whyUnwritable(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  switch (code) {
    case 'ENOSPC': return 'no space is left there; free some, or lower maxSize, keep or keepFor'
    case 'EDQUOT': return 'the quota there is used up; free some, or lower maxSize, keep or keepFor'
    case 'EFBIG': return 'it may not grow any more (a limit of the file system, or ulimit -f); lower maxSize'
    case 'EROFS': return 'the file system is read-only'
    case 'EIO': return 'the disk has an error'
    default: return message
  }
}
