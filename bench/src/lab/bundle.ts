import { gzipSync } from 'node:zlib'
import { build, type Rolldown } from 'vite'

/** Of what a bundler makes of a package for a page, minified and gzipped. */
export interface BundleWeight {
  /** What a page loads before the package does anything. */
  readonly firstLoadBytes: number
  /** With all that it may load later. */
  readonly allBytes: number
}

const ENTRY = 'entry:all'

/**
 * What the package exports, without Yjs, which the application brings.
 * @param module what to import: a package or the path of a file
 * @param names of what is imported; default: everything
 */
export async function weighBundle(module: string, names?: readonly string[]): Promise<BundleWeight> {
  const chunks = await bundle(`export ${names === undefined ? '*' : `{ ${names.join(', ')} }`} from '${module}'`)
  const first = firstLoad(chunks)
  const allBytes = sumOf(chunks)
  return { firstLoadBytes: sumOf(chunks.filter(({ fileName }) => first.has(fileName))), allBytes }
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

function sumOf(chunks: readonly Rolldown.OutputChunk[]): number {
  return chunks.reduce((bytes, { code }) => bytes + gzipSync(code, { level: 9 }).length, 0)
}
