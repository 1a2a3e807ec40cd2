import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { lastOf, pairsOf, parseDockerfile, readArg, type Dockerfile, type Instruction, type Stage } from './dockerfile.ts'

export interface BuildContext {
  readonly folder: string
  /** Text of .dockerignore. */
  readonly ignore: string
}

/** What is wrong with a Dockerfile by the rules of this house, as `line N: what`; empty: nothing. */
export function lintDockerfile(text: string, context: BuildContext): string[] {
  const file = parseDockerfile(text)
  const last = file.stages.at(-1)
  return [
    ...file.stages.flatMap(({ from, base }) => baseFaults(from, base, file)),
    ...file.stages.flatMap(stage => stage.instructions.flatMap(instruction => instructionFaults(instruction, file, context))),
    ...last === undefined ? ['there is no stage'] : lastStageFaults(last),
    ...majorFaults(file),
    ...unusedContext(file, context),
  ]
}

function baseFaults({ line }: Instruction, base: string, { args }: Dockerfile): string[] {
  const [, image, digest] = /^\$\{(\w+)\}@\$\{(\w+)\}$/.exec(base) ?? []
  if (image === undefined || digest === undefined) return [`line ${line}: a base is \${…_IMAGE}@\${…_DIGEST}, so that there is no build without a digest`]
  const named = args.get(image) ?? ''
  return [
    ...args.has(digest) && args.get(digest) === undefined ? [] : [`line ${line}: ${digest} has to be an ARG without a default: whoever builds says it`],
    ...named.split('/').length >= 3 && named.includes('.') ? [] : [`line ${line}: ${image} has to name its registry, which is another one on other machines`],
    ...named.endsWith(':latest') ? [`line ${line}: latest is another image tomorrow`] : [],
  ]
}

/** All bases that are a Node have the same one, of a line that becomes LTS (the even ones). */
function majorFaults({ args }: Dockerfile): string[] {
  const majors = [...args.values()].flatMap(value => /node(?:js)?:?(\d+)/.exec(value ?? '')?.[1] ?? [])
  return new Set(majors).size === 1 && Number(majors[0]) % 2 === 0 ? [] : [`bases of Node ${majors.join(' and ')}: one LTS line for both`]
}

function instructionFaults(instruction: Instruction, file: Dockerfile, context: BuildContext): string[] {
  const { line, keyword, args, words } = instruction
  switch (keyword) {
    case 'ADD': return [`line ${line}: ADD fetches and unpacks: COPY`]
    case 'COPY': return copyFaults(instruction, file, context)
    case 'RUN': return /\b(curl|wget|sudo|apt(-get)?|apk)\b|npm (install|i)\b/.test(args) ? [`line ${line}: what is fetched is what the lock file names`] : []
    case 'ENTRYPOINT': case 'CMD': case 'HEALTHCHECK':
      return words === undefined ? [`line ${line}: ${keyword} in exec form, for there is no shell`] : []
    case 'ARG': case 'ENV': {
      const names = keyword === 'ARG' ? [readArg(args)[0]] : pairsOf(args).map(([name]) => name)
      return names.filter(name => /TOKEN|SECRET|PASSWORD|KEY/i.test(name)).map(name => `line ${line}: ${name} would be in the image's history`)
    }
    default: return []
  }
}

function copyFaults({ line, args, flags }: Instruction, { stages }: Dockerfile, { folder, ignore }: BuildContext): string[] {
  const from = flags['from']
  if (from !== undefined) return stages.some(({ name }) => name === from) ? [] : [`line ${line}: there is no stage ${from}`]
  return args.split(/\s+/).slice(0, -1).flatMap((source) => {
    if (source === '.' || source.includes('*')) return [`line ${line}: name what is copied, not ${source}`]
    if (!existsSync(join(folder, source))) return [`line ${line}: ${source} does not exist`]
    return ignore.split('\n').includes(`!${source}`) ? [] : [`line ${line}: .dockerignore keeps ${source} out`]
  })
}

/** What .dockerignore lets in and nothing copies. */
function unusedContext({ stages }: Dockerfile, { ignore }: BuildContext): string[] {
  const rules = ignore.split('\n').filter(rule => rule !== '' && !rule.startsWith('#'))
  const copied = stages.flatMap(({ instructions }) => instructions).filter(({ keyword, flags }) => keyword === 'COPY' && flags['from'] === undefined)
    .flatMap(({ args }) => args.split(/\s+/).slice(0, -1))
  return [
    ...rules[0] === '*' ? [] : ['.dockerignore: begins with *, so that nothing gets in unnamed'],
    ...rules.slice(1).filter(rule => !copied.includes(rule.slice(1))).map(rule => `.dockerignore: nothing copies what ${rule} lets in`),
  ]
}

const labels = ['title', 'description', 'licenses', 'version', 'revision'].map(name => `org.opencontainers.image.${name}`)

function lastStageFaults(stage: Stage): string[] {
  const [uid = '', gid = ''] = (lastOf(stage, 'USER')?.args ?? '').split(':')
  const health = lastOf(stage, 'HEALTHCHECK')
  const present = stage.instructions.filter(({ keyword }) => keyword === 'LABEL').flatMap(({ args }) => pairsOf(args).map(([name]) => name))
  return [
    ...stage.instructions.filter(({ keyword }) => keyword === 'RUN').map(({ line }) => `line ${line}: RUN needs a shell, which the last stage has none of`),
    ...stage.instructions.filter(({ keyword, flags }) => keyword === 'COPY' && flags['from'] === undefined).map(({ line }) => `line ${line}: the last stage takes from stages alone`),
    // runAsNonRoot is judged by number alone; group 0 is what OpenShift's arbitrary users have.
    .../^[1-9]\d*$/.test(uid) && gid === '0' ? [] : ['the last stage needs USER with a number other than 0, and group 0'],
    ...lastOf(stage, 'STOPSIGNAL')?.args === 'SIGTERM' ? [] : ['STOPSIGNAL SIGTERM is what drains'],
    ...health?.words?.at(-1) === 'healthcheck' ? [] : ['HEALTHCHECK is the healthcheck command of the binary itself'],
    ...['interval', 'timeout', 'start-period', 'retries'].filter(name => health?.flags[name] === undefined).map(name => `HEALTHCHECK says no --${name}`),
    ...labels.filter(name => !present.includes(name)).map(name => `label ${name} is missing`),
  ]
}
