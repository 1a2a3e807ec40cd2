import type { FastifyServerOptions } from 'fastify'

function never(): never {
  throw new Error('no route here has a schema')
}

/** For `schemaController`: without it fastify loads two compilers of JSON schemas at every start, a tenth of its time. */
export const noSchemas: NonNullable<FastifyServerOptions['schemaController']> = {
  compilersFactory: { buildValidator: () => never, buildSerializer: () => never },
}
