import { gzipSync } from 'node:zlib'
import { build, type Rolldown } from 'vite'
import type { Part } from '../profile.js'

/** Of what a bundler makes of a package for a page, minified and gzipped. */
export interface BundleWeight {
  /** What a page loads before the package does anything. */
  readonly firstLoadBytes: number
  /** With all that it may load later. */
  readonly allBytes: number
  /** The largest modules of the first load, by their share of what is minified. */
  readonly largest: readonly Part[]
}

const ENTRY = 'entry:all'
const LARGEST = 10

/**
 * What the package exports, without Yjs, which the application brings.
 * @param module what to import: a package or the path of a file
 * @param names of what is imported; default: everything
 */
export async function weighBundle(module: string, names?: readonly string[]): Promise<BundleWeight> {
  const chunks = await bundle(`export ${names === undefined ? '*' : `{ ${names.join(', ')} }`} from '${module}'`)
  const first = firstLoad(chunks)
  const atFirst = chunks.filter(({ fileName }) => first.has(fileName))
  return { firstLoadBytes: sumOf(atFirst), allBytes: sumOf(chunks), largest: largestOf(atFirst) }
}

async function bundle(entry: string): Promise<Rolldown.OutputChunk[]> {
  const everything = {
    name: 'everything',
    resolveId: (id: string) => (id === ENTRY ? id : undefined),
    load: (id: string) => (id === ENTRY ? entry : undefined),
  }
  const built = await build({
    root: import.meta.dirname,
    configFile: false,
    logLevel: 'error',
    plugins: [everything],
    build: {
      write: false,
      minify: true,
      rolldownOptions: { input: ENTRY, external: ['yjs'], preserveEntrySignatures: 'strict' },
    },
  })
  const outputs = 'close' in built ? [] : [built].flat()
  return outputs.flatMap(({ output }) => output).filter((each) => each.type === 'chunk')
}

/** The names of the files that the entry imports, and what those import. */
function firstLoad(chunks: readonly Rolldown.OutputChunk[]): ReadonlySet<string> {
  const reached = new Set(chunks.filter(({ isEntry }) => isEntry).map(({ fileName }) => fileName))
  for (const name of reached) {
    for (const imported of chunks.find(({ fileName }) => fileName === name)?.imports ?? []) reached.add(imported)
  }
  return reached
}

function largestOf(chunks: readonly Rolldown.OutputChunk[]): Part[] {
  const modules = chunks.flatMap((chunk) => Object.entries(chunk.modules))
  const sum = modules.reduce((bytes, [, { renderedLength }]) => bytes + renderedLength, 0)
  return modules
    .map(([id, { renderedLength }]) => ({ name: nameOf(id), share: renderedLength / sum }))
    .sort((a, b) => b.share - a.share)
    .slice(0, LARGEST)
}

/** Without where it lies on this machine. */
function nameOf(id: string): string {
  return id.replace(/^.*\/(node_modules|lib\/dist|lib\/src)\//, '')
}

function sumOf(chunks: readonly Rolldown.OutputChunk[]): number {
  return chunks.reduce((bytes, { code }) => bytes + gzipSync(code, { level: 9 }).length, 0)
}
