// Also with the underscores percent-encoded (`oc logout` puts its token into a path), and
// with a digit too few or too many: a key with one typo is still nearly the whole secret.
const keys = /pcl(?:_|%5f)([0-9A-Za-z]{1,16})(?:_|%5f)[0-9A-Za-z]+/gi
// `pcl_` as base64: the WebSocket subprotocol and Basic carry keys so.
const encodedKeys = /cGNsX[0-9A-Za-z+/_-]{16,}={0,2}/g
const wholeKey = /pcl(?:_|%5f)[0-9A-Za-z]{8}(?:_|%5f)[0-9A-Za-z]{49}/i

/** Key-shaped pieces of a text become `pcl_<id>_[redacted]`: for every sink. */
export function redactKeys(text: string): string {
  return text.replace(keys, 'pcl_$1_[redacted]').replace(encodedKeys, '[redacted]')
}

/** Where in a text whole keys begin. */
export function keysIn(text: string): number[] {
  return [...text.matchAll(new RegExp(wholeKey, 'gi'))].map(({ index }) => index)
}

/** Whether a string of key form is anywhere in the text. */
export function holdsKey(text: string): boolean {
  return wholeKey.test(text)
}
