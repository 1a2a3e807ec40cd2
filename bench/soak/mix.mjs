// What the callers of the soak do, and how often: names of ways, of a thousand requests so many.

/** `status`: what each is answered. Those of `streams` are recorded when they begin, too. */
export const mix = {
  get: { title: 'GET of 2 KB', share: 484, status: 200 },
  discovery: { title: 'discovery, from the cache', share: 200, status: 200 },
  post: { title: 'POST of 4 KB', share: 120, status: 201 },
  http2: { title: 'GET of 2 KB by HTTP/2', share: 120, status: 200 },
  fresh: { title: 'GET of 2 KB on a new TLS connection', share: 30, status: 200 },
  badKey: { title: 'with a key that nobody has', share: 10, status: 401 },
  denied: { title: 'outside its scopes', share: 10, status: 403 },
  left: { title: 'list of 10 MB that is left in the middle', share: 6, status: 200 },
  cancelled: { title: 'the same by HTTP/2', share: 4, status: 200 },
  watchLeft: { title: 'watch that its caller leaves', share: 5, status: 200, streams: true },
  watchEnded: { title: 'watch that the API server ends', share: 5, status: 200, streams: true },
  watchHttp2: { title: 'watch by HTTP/2', share: 4, status: 200, streams: true },
  list: { title: 'list of 10 MB', share: 2, status: 200 },
}

/** Says whose turn it is, so that the rare ones are spread evenly among the others. */
export function createTurns(kinds = mix) {
  const names = Object.keys(kinds)
  const total = names.reduce((sum, name) => sum + kinds[name].share, 0)
  const due = new Map(names.map((name) => [name, 0]))
  return () => {
    for (const name of names) due.set(name, due.get(name) + kinds[name].share)
    const next = names.reduce((most, name) => due.get(name) > due.get(most) ? name : most)
    due.set(next, due.get(next) - total)
    return next
  }
}
