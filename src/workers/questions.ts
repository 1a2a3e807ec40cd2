import type { Channel } from './channel.ts'
import type { Told, ToPrimary, ToWorker } from './messages.ts'

type About = Told['about']

/** Asks one worker; undefined: it did not answer in time, or ended. */
export type Ask = <Kind extends About['kind']>(about: Kind) => Promise<Extract<About, { kind: Kind }> | undefined>

/** `patience` in milliseconds. */
export function createQuestions(channel: Channel<ToPrimary, ToWorker>, patience: number): Ask {
  const waiting = new Map<number, (about: About | undefined) => void>()
  let lastId = 0
  channel.on('told', ({ id, about }) => waiting.get(id)?.(about))
  channel.onGone(() => { for (const settle of waiting.values()) settle(undefined) })
  return async function ask<Kind extends About['kind']>(about: Kind) {
    const id = lastId += 1
    const told = await new Promise<About | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), patience)
      waiting.set(id, (answer) => {
        clearTimeout(timer)
        resolve(answer)
      })
      channel.send({ kind: 'question', id, about })
    })
    waiting.delete(id)
    return told as Extract<About, { kind: Kind }> | undefined
  }
}

/** The other end, in a worker. What cannot be answered is not. */
export function answerQuestions(channel: Channel<ToWorker, ToPrimary>, answers: { readonly [Kind in About['kind']]: () => Promise<Extract<About, { kind: Kind }>> }): void {
  channel.on('question', ({ id, about }) => {
    answers[about]().then(told => channel.send({ kind: 'told', id, about: told }), () => {})
  })
}
