// The API server that holds callers and scopes: the sample cluster, with the CRDs in it.
import { createSampleCluster } from '../../dist/sample/cluster.js'
import { serve } from './part.mjs'

serve({
  async start({ certificate, token }) {
    const sample = await createSampleCluster({ token, certificate, crdDelay: 0, maxRequests: 1e6 })
    return { url: sample.url }
  },
})
