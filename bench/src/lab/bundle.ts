import { gzipSync } from 'node:zlib'
import { build, type Rolldown } from 'vite'
import type { Part } from '../profile.js'

/** Of what a bundler makes of a package for a page, minified and gzipped. */
export interface BundleWeight {
  /** What a page loads before the package does anything. */
  readonly firstLoadBytes: number
  /** With all that it may load later. */
  readonly allBytes: number
  /** The largest packages and folders of all, by their share before it is minified. */
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
  const firstLoadBytes = sumOf(chunks.filter(({ fileName }) => first.has(fileName)))
  return { firstLoadBytes, allBytes: sumOf(chunks), largest: largestOf(chunks) }
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
      // What an application's entry may be: it keeps what is exported here and takes in what pieces loaded later share.
      rolldownOptions: { input: ENTRY, external: ['yjs'], preserveEntrySignatures: 'allow-extension' },
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
  const sizes = new Map<string, number>()
  for (const [id, { renderedLength }] of chunks.flatMap((chunk) => Object.entries(chunk.modules))) {
    sizes.set(ownerOf(id), (sizes.get(ownerOf(id)) ?? 0) + renderedLength)
  }
  const sum = [...sizes.values()].reduce((bytes, size) => bytes + size, 0)
  const parts = [...sizes].map(([name, size]) => ({ name, share: size / sum }))
  return parts.sort((a, b) => b.share - a.share).slice(0, LARGEST)
}

/** The package of a module, or its folder in the library. */
function ownerOf(id: string): string {
  const [, inside = ''] = /.*\/(?:node_modules|lib\/dist|lib\/src)\/(.*)/.exec(id) ?? []
  const folders = inside.split('/').slice(0, -1)
  return folders.slice(0, inside.startsWith('@') ? 2 : 1).join('/') || 'facade'
}

function sumOf(chunks: readonly Rolldown.OutputChunk[]): number {
  return chunks.reduce((bytes, { code }) => bytes + gzipSync(code, { level: 9 }).length, 0)
}
