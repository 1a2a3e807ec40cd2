/**
 * Reads one text of base64 that comes in pieces, as Go's `base64.StdEncoding` does: line breaks count for
 * nothing, and what else is not of the alphabet, or ends in the middle of a group, is a RangeError.
 */
export class Base64Reader {
  /** What does not make up a group of four yet. */
  #rest = ''
  /** Behind padding nothing may come. */
  #padded = false

  read(piece: Buffer, last: boolean): Buffer {
    const text = this.#rest + piece.toString('latin1').replace(/[\r\n]/g, '')
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || this.#padded && text !== '') throw new RangeError('this is no base64')
    const whole = text.slice(0, text.length - text.length % 4)
    this.#rest = text.slice(whole.length)
    this.#padded ||= whole.endsWith('=')
    if (this.#rest !== '' && (last || this.#padded)) throw new RangeError('the base64 breaks off')
    return Buffer.from(whole, 'base64')
  }
}
