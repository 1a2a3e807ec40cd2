import t from 'tap'
import { annotationsOf } from '../../src/audit/annotations.ts'
import { allowed, arrival, callerWith, resolved } from '../support/builders.ts'
import type { Facts } from '../../src/model/trail.ts'

function annotated({ verb = 'patch', isResourceRequest = true, contentType, upgrade = false, facts = {} }: { verb?: string, isResourceRequest?: boolean, contentType?: string, upgrade?: boolean, facts?: Facts }) {
  return annotationsOf({
    arrival: arrival({ upgrade, rawHeaders: contentType === undefined ? [] : ['Content-Type', contentType] }), stage: 'ResponseComplete', level: 'Metadata', at: 0, stream: false,
    facts: { resolved: resolved({ attributes: { verb, isResourceRequest } }), caller: callerWith(), verdict: allowed, ...facts },
  }, [])
}

t.test('what decides the judgement beyond verb and object', async (t) => {
  const apply = 'application/apply-patch+yaml'
  const form = (options: Parameters<typeof annotated>[0]) => annotated(options)['portcullis.dev/request-form']
  t.equal(form({ contentType: apply }), 'apply')
  t.equal(form({ contentType: 'Application/Apply-Patch+CBOR; x' }), 'apply')
  t.equal(form({ contentType: 'application/merge-patch+json' }), undefined)
  t.equal(form({ contentType: apply, verb: 'create' }), undefined, 'a POST applies nothing')
  t.equal(form({ verb: 'get', upgrade: true }), 'upgrade')
  t.equal(form({ contentType: apply, upgrade: true }), 'upgrade,apply')
  t.equal(form({ verb: 'get', isResourceRequest: false, upgrade: true }), undefined)
})

t.test('guarded routes, and what a shadow scope says, without what is secret in it', async (t) => {
  t.equal(annotated({ facts: { guarded: ['mint-token', 'own-credential'] } })['portcullis.dev/guard-routes'], 'mint-token,own-credential')
  const key = 'pcl_k7Q2mX9a_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg2pZTdb'
  const shadow = annotated({ facts: { shadow: { reason: `not ${key}`, scopes: ['a', 'b'] } } })
  t.match(shadow, { 'portcullis.dev/shadow-decision': 'forbid', 'portcullis.dev/shadow-scope': 'a,b', 'portcullis.dev/shadow-reason': /^not pcl_k7Q2mX9a_\[redacted\]$/ })
  t.strictSame(Object.keys(annotated({})).filter(name => /shadow|guard|form/.test(name)), [])
})
