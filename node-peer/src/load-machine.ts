import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { AnyMachine } from 'legion-mesh/machines'

/**
 * The machine that a module exports: as `machine`, as `default`, or as its only one.
 * @param file relative to the working directory
 * @throws Error with a sentence that names the file
 */
export async function loadMachine(file: string): Promise<AnyMachine> {
  const exported = await importFile(file)
  const machines = Object.entries(exported).filter(isMachineEntry)
  const found = exportedAs('machine', machines) ?? exportedAs('default', machines) ?? onlyOne(machines)
  if (found !== undefined) return found
  if (machines.length === 0) {
    throw new Error(`${file} exports no machine: export what defineMachine returned, as \`machine\``)
  }
  const names = machines.map(([name]) => name).join(', ')
  throw new Error(`${file} exports several machines (${names}): export the cluster's as \`machine\``)
}

async function importFile(file: string): Promise<object> {
  try {
    return await import(pathToFileURL(resolve(file)).href)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`cannot load the machine ${file}: ${reason}`, { cause: error })
  }
}

type MachineEntry = [name: string, machine: AnyMachine]

function isMachineEntry(entry: [string, unknown]): entry is MachineEntry {
  const [, value] = entry
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    typeof value.name === 'string' &&
    'version' in value &&
    typeof value.version === 'number' &&
    'create' in value &&
    typeof value.create === 'function'
  )
}

function exportedAs(name: string, machines: readonly MachineEntry[]): AnyMachine | undefined {
  return machines.find(([exportName]) => exportName === name)?.[1]
}

function onlyOne(machines: readonly MachineEntry[]): AnyMachine | undefined {
  return machines.length === 1 ? machines[0]?.[1] : undefined
}
