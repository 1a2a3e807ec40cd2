/** How a claim begins that names an owner; nothing: only the whole of it does, without any `*`. */
type Owner = RegExp | undefined

const [whole, folder] = [undefined, /^[^*/]+\//]

/**
 * Issuers that sign for everybody who comes, and claims that say for whom. A `*` in the
 * owner's own name lets others in: `repo:acme*` is `repo:acme-of-somebody-else/…` as well.
 */
export const sharedIssuers: ReadonlyMap<string, Readonly<Record<string, Owner>>> = new Map<string, Readonly<Record<string, Owner>>>([
  ['https://token.actions.githubusercontent.com', {
    // What a repository's own template of sub may begin with as well.
    sub: /^(repo:[^*/:]+\/|(repository_owner|repository_owner_id|repository_id|enterprise|enterprise_id):[^*:]+(:|$)|(repository|job_workflow_ref):[^*/:]+\/)/,
    repository: folder, repository_id: whole, repository_owner: whole, repository_owner_id: whole, job_workflow_ref: folder, enterprise: whole, enterprise_id: whole,
  }],
  ['https://gitlab.com', { sub: /^project_path:[^*/:]+\//, project_path: folder, project_id: whole, namespace_path: folder, namespace_id: whole }],
  ['https://agent.buildkite.com', { sub: /^organization:[^*:]+:/, organization_slug: whole, organization_id: whole }],
  ['https://app.terraform.io', {
    sub: /^organization:[^*:]+:/,
    terraform_organization_id: whole, terraform_organization_name: whole, terraform_workspace_id: whole, terraform_project_id: whole,
  }],
  ['https://accounts.google.com', { sub: whole, email: whole, hd: whole }],
])

/** Whether a claim says whose tokens, so that no `*` in it can make them somebody else's. */
export function namesOwner(expected: unknown, owner: Owner): boolean {
  if (typeof expected === 'number') return true
  if (typeof expected !== 'string' || expected === '') return false
  return !expected.includes('*') || (owner?.test(expected) ?? false)
}
