import { Type } from '../files/shape.ts'
import { duration, section, size, text } from './fields.ts'

export const recordings = section({
  folder: text({ description: 'The folder; it is made where it is not there.' }),
  maxSize: size({ default: '64MiB', description: 'A recording ends when its file has this size; its session goes on, but not in blocking-strict.' }),
  keepFor: Type.Optional(duration({ description: 'A recording is deleted so long after its last line; default: never.' })),
}, { description: 'Where the sessions (exec, attach) are recorded that a rule of the policy says recordSessions of: all that is typed and shown, as asciicast v2 files.' })
