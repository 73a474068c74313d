import { cpSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bug, Patch } from './bug.js'

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const PLANTED = join(ROOT, '.tmp/planted-bugs')

export type RaftSimulation = typeof import('../../src/testing/raft/index.js')

/**
 * A copy of the core, its simulator and its tests in which the bug is.
 * @returns its folder, named `lib` too
 * @throws Error if the sources have changed so that the bug does not fit any more
 */
export function plant(bug: Bug): string {
  const paths = ['lib/src/base', 'lib/src/raft', 'lib/src/testing/raft', 'lib/test/raft']
  return join(plantInto(bug.name, bug, paths, 'lib/src/raft'), 'lib')
}

/**
 * A copy of the project's `paths` in which the bug is.
 * @param place where, of all that is planted
 * @param base what the patches' files are in
 * @returns its folder
 * @throws as `plant`
 */
export function plantInto(
  place: string,
  { name, patches }: Pick<Bug, 'name' | 'patches'>,
  paths: readonly string[],
  base: string,
): string {
  const folder = join(PLANTED, place)
  rmSync(folder, { recursive: true, force: true })
  for (const path of paths) cpSync(join(ROOT, path), join(folder, path), { recursive: true })
  for (const patch of patches) apply(patch, join(folder, base, patch.file), name)
  return folder
}

export function importSimulation(folder: string): Promise<RaftSimulation> {
  return import(/* @vite-ignore */ join(folder, 'src/testing/raft/index.ts'))
}

/** The tests look for the shared data at a place relative to their own. */
export function linkSharedData(): void {
  const link = join(PLANTED, 'shared')
  if (!existsSync(link)) symlinkSync(join(ROOT, '../shared'), link)
}

function apply({ file, text, instead }: Patch, path: string, name: string): void {
  const source = readFileSync(path, 'utf8')
  const places = source.split(text).length - 1
  if (places !== 1) throw new Error(`planted bug ${name}: ${file} has ${places} times, instead of once: ${text}`)
  writeFileSync(
    path,
    source.replace(text, () => instead),
  )
}
