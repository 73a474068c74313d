import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// The script language of etcd's raft tests: a command with arguments, lines of input, `----`, the expected output.

const ROOT = fileURLToPath(new URL('../../../../../shared/data/etcd-raft/', import.meta.url))

export const scriptsAvailable = existsSync(ROOT)

export interface Stanza {
  readonly line: number
  readonly command: string
  readonly positional: readonly string[]
  readonly named: ReadonlyMap<string, string>
  readonly input: readonly string[]
  readonly expected: string
}

/** The stanzas of each script of a folder, by file name. */
export function readScripts(folder: string): ReadonlyMap<string, readonly Stanza[]> {
  if (!scriptsAvailable) return new Map()
  const files = readdirSync(ROOT + folder).sort()
  return new Map(files.map((file) => [file, parseScript(readFileSync(`${ROOT}${folder}/${file}`, 'utf8'))]))
}

export function parseScript(text: string): readonly Stanza[] {
  const lines = text.split('\n')
  const stanzas: Stanza[] = []
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string
    if (line.trim() === '' || line.startsWith('#')) continue
    const separator = lines.indexOf('----', i)
    const blank = lines.indexOf('', separator)
    const end = blank < 0 ? lines.length : blank
    stanzas.push({
      line: i + 1,
      ...parseCommand(line),
      input: lines.slice(i + 1, separator),
      expected: lines.slice(separator + 1, end).join('\n'),
    })
    i = end
  }
  return stanzas
}

function parseCommand(line: string): Pick<Stanza, 'command' | 'positional' | 'named'> {
  const [command = '', ...words] = line.match(/[^\s=]+=\([^)]*\)|\S+/g) ?? []
  const positional = words.filter((word) => !word.includes('='))
  const named = words.filter((word) => word.includes('=')).map((word) => word.split('=') as [string, string])
  return { command, positional, named: new Map(named) }
}

/** `(1, 2,3)` as `['1', '2', '3']`. */
export function parseList(text: string | undefined): string[] {
  return (text ?? '')
    .replace(/[()\s]/g, '')
    .split(',')
    .filter(Boolean)
}
