import type { Dispatcher } from 'undici'
import type { Call } from '../../src/clusters/sender.ts'
import { Queue } from './queue.ts'

/** One call of a handler. A body is kept as the very memory that was handed over. */
export type Told =
  | { readonly kind: 'start' | 'begun' | 'end' }
  | { readonly kind: 'head', readonly status: number, readonly message: string, readonly headers: readonly string[] }
  | { readonly kind: 'data', readonly chunk: Buffer }
  | { readonly kind: 'error', readonly error: Error }

/** A handler that writes down all it is told; `on` may pause, resume or abort as it is told. */
export class Heard implements Dispatcher.DispatchHandler {
  readonly told: Told[] = []
  controller!: Dispatcher.DispatchController
  readonly #next = new Queue<Told>()
  readonly #on: (told: Told, controller: Dispatcher.DispatchController) => void

  constructor(on: (told: Told, controller: Dispatcher.DispatchController) => void = () => {}) {
    this.#on = on
  }

  onRequestStart(controller: Dispatcher.DispatchController): void { this.#hear(controller, { kind: 'start' }) }
  onResponseStarted(): void { this.#hear(this.controller, { kind: 'begun' }) }
  onResponseStart(controller: Dispatcher.DispatchController, status: number, _: unknown, message = ''): void {
    this.#hear(controller, { kind: 'head', status, message, headers: controller.rawHeaders as unknown as string[] })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void { this.#hear(controller, { kind: 'data', chunk: Buffer.from(chunk) }) }
  onResponseEnd(controller: Dispatcher.DispatchController): void { this.#hear(controller, { kind: 'end' }) }
  onResponseError(controller: Dispatcher.DispatchController, error: Error): void { this.#hear(controller, { kind: 'error', error }) }

  #hear(controller: Dispatcher.DispatchController, told: Told): void {
    this.controller = controller
    this.told.push(told)
    this.#next.put(told)
    this.#on(told, controller)
  }

  /** Waits for a call of this kind; those before it are passed over. */
  async until(kind: Told['kind']): Promise<void> {
    for (let told = await this.#next.take(); told.kind !== kind; told = await this.#next.take());
  }

  /** How it ended: 'end', or the error's code or name. Rejects nothing. */
  async over(): Promise<string> {
    for (let told = await this.#next.take(); ; told = await this.#next.take()) {
      if (told.kind === 'end') return 'end'
      if (told.kind === 'error') return codeOf(told.error)
    }
  }

  get kinds(): string {
    return this.told.map(({ kind }) => kind).join(' ')
  }

  get error(): Error | undefined {
    return this.told.flatMap(told => told.kind === 'error' ? [told.error] : [])[0]
  }

  get status(): number | undefined {
    return this.told.flatMap(told => told.kind === 'head' ? [told.status] : [])[0]
  }

  get body(): string {
    return Buffer.concat(this.told.flatMap(told => told.kind === 'data' ? [told.chunk] : [])).toString('latin1')
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.constructor.name
}

export function callOf(call: Partial<Call> = {}): Call {
  return { method: 'GET', target: '/', headers: ['Host', 'api.example'], body: undefined, patience: 0, ...call }
}
