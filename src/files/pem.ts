import { X509Certificate } from 'node:crypto'

/** The certificates of a PEM text, a block each, without what else is in it. Throws where there is none or one is broken; the message repeats nothing. */
export function readCertificates(text: string): string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) throw new Error('there is no certificate in PEM (a BEGIN CERTIFICATE line)')
  // One that is still being written ends in the middle.
  const begun = text.match(/-----BEGIN CERTIFICATE-----/g) ?? []
  try {
    if (begun.length !== blocks.length) throw new Error('a certificate without its end')
    for (const block of blocks) new X509Certificate(block)
  } catch (cause) {
    throw new Error('the certificate is broken', { cause })
  }
  return blocks
}
