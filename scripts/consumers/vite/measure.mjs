// Prints, as JSON, what the browser entry weighs without yjs: each chunk as a whole, and its parts measured alone.
import { gzipSync } from 'node:zlib'
import { build, minifySync } from 'vite'

const ENTRY = 'entry:all'
const everything = {
  name: 'everything',
  resolveId: (id) => (id === ENTRY ? id : undefined),
  load: (id) => (id === ENTRY ? "export * from 'legion-mesh'" : undefined),
}

const minified = await bundle(true)
const readable = await bundle(false)
const first = firstLoad(minified)
console.log(JSON.stringify({ chunks: minified.map(describe), parts: readable.filter(isEntry).flatMap(partsOf) }))

async function bundle(minify) {
  const rollupOptions = { input: ENTRY, external: ['yjs'], preserveEntrySignatures: 'strict' }
  const options = { configFile: false, logLevel: 'error', plugins: [everything] }
  const { output } = await build({ ...options, build: { write: false, minify, rollupOptions } })
  return output.filter(({ type }) => type === 'chunk')
}

function isEntry(chunk) {
  return chunk.isEntry
}

/** The names of the files that the entry imports, and what those import. */
function firstLoad(chunks) {
  const reached = new Set(chunks.filter(isEntry).map(({ fileName }) => fileName))
  for (const name of reached) {
    for (const imported of chunks.find(({ fileName }) => fileName === name)?.imports ?? []) reached.add(imported)
  }
  return reached
}

function describe({ fileName, code }) {
  return { fileName, isLazy: !first.has(fileName), ...weigh(code) }
}

/** Folders of the library and packages, the heaviest first. They compress better together. */
function partsOf({ modules }) {
  const codeOf = new Map()
  for (const [id, { code }] of Object.entries(modules)) {
    const part = partOf(id)
    codeOf.set(part, `${codeOf.get(part) ?? ''}\n${code ?? ''}`)
  }
  const parts = [...codeOf].map(([part, code]) => ({ part, ...weigh(minifyAlone(code)) }))
  return parts.sort((a, b) => b.gzipBytes - a.gzipBytes)
}

function partOf(id) {
  if (!id.includes('/node_modules/')) return 'bundler'
  const path = id.split('/node_modules/').at(-1) ?? id
  const own = /^legion-mesh\/dist\/([^/]+)/.exec(path)
  return own?.[1] ?? /^(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? path
}

/** Without dropping what seems unused: the rest of the bundle uses it. */
function minifyAlone(code) {
  return minifySync('part.js', code, {
    compress: false,
    mangle: { toplevel: true },
    codegen: { removeWhitespace: true },
  }).code
}

function weigh(code) {
  return { minBytes: Buffer.byteLength(code), gzipBytes: gzipSync(code, { level: 9 }).length }
}
