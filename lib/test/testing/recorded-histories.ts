import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { HistoryRecorder, type OpenOperation, type Operation } from '../../src/testing/history.js'
import type { KeyValueInput, KeyValueOutput, RegisterInput, RegisterOutput } from '../../src/testing/models.js'

const ROOT = fileURLToPath(new URL('../../../../shared/data/histories/', import.meta.url))

/** False where the shared data is not there: tests that need it are skipped then. */
export const hasRecordedHistories = existsSync(ROOT)

export type RegisterHistory = Operation<RegisterInput<number | null>, RegisterOutput<number | null>>[]
export type KeyValueHistory = Operation<KeyValueInput, KeyValueOutput>[]

export type Label = [file: string, isLinearizable: boolean]

/** What the skipped tests are called. */
const MISSING: Label[] = [['(data missing)', true]]

/** File names, and whether what is in them is linearizable. */
export function registerLabels(): Label[] {
  if (!hasRecordedHistories) return MISSING
  return Object.entries(JSON.parse(read('register/linearizable.json')) as Record<string, boolean>)
}

export function keyValueLabels(): Label[] {
  if (!hasRecordedHistories) return MISSING
  return readdirSync(`${ROOT}kv`).map((file) => [file, file.endsWith('-ok.txt')])
}

/** Lines such as `INFO  jepsen.util - 3	:ok	:cas	[0 2]`; a write that never returned ends with `:info`. */
export function readRegisterHistory(file: string): RegisterHistory {
  const recorder = new HistoryRecorder<RegisterInput<number | null>, RegisterOutput<number | null>>()
  const open = new Map<string, OpenOperation<RegisterOutput<number | null>>>()
  for (const line of lines(`register/${file}`)) {
    const [process = '', event, type, value = ''] = match(line, /- (\d+)\s+:(\w+)\s+:(\w+)\s+(.*)$/)
    if (event === 'invoke') open.set(process, recorder.invoke(process, registerInput(type, value)))
    else if (event === 'ok') open.get(process)?.returned(type === 'read' ? number(value) : type === 'cas' || undefined)
    else if (event === 'fail' && type === 'cas') open.get(process)?.returned(false)
    else if (event === 'fail') open.get(process)?.dropped()
  }
  return recorder.operations
}

/** Lines such as `{:process 0, :type :ok, :f :get, :key "7", :value ""}`. */
export function readKeyValueHistory(file: string): KeyValueHistory {
  const recorder = new HistoryRecorder<KeyValueInput, KeyValueOutput>()
  const open = new Map<string, OpenOperation<KeyValueOutput>>()
  const form = /:process (\d+), :type :(\w+), :f :(\w+), :key "(.*)", :value (.*)\}$/
  for (const line of lines(`kv/${file}`)) {
    const [process = '', event, type, key = '', quoted = ''] = match(line, form)
    const value = quoted === 'nil' ? undefined : quoted.slice(1, -1)
    if (event === 'invoke') open.set(process, recorder.invoke(process, keyValueInput(type, key, value)))
    else open.get(process)?.returned(type === 'get' ? value : undefined)
  }
  return recorder.operations
}

function registerInput(type: string | undefined, value: string): RegisterInput<number | null> {
  if (type === 'read') return { type }
  if (type === 'write') return { type, value: number(value) }
  const [expected = '', next = ''] = match(value, /^\[(\d+) (\d+)\]$/)
  return { type: 'cas', expected: number(expected), value: number(next) }
}

function keyValueInput(type: string | undefined, key: string, value: string | undefined): KeyValueInput {
  if (type === 'get') return { type, key }
  if ((type === 'put' || type === 'append') && value !== undefined) return { type, key, value }
  throw new Error(`not an operation on a key: ${type} ${key} ${value}`)
}

function number(text: string): number | null {
  return text === 'nil' ? null : Number(text)
}

function lines(path: string): string[] {
  return read(path).split('\n').filter(Boolean)
}

function match(line: string, form: RegExp): string[] {
  const found = form.exec(line)
  if (found === null) throw new Error(`not a line of a history: ${line}`)
  return found.slice(1)
}

function read(path: string): string {
  return readFileSync(ROOT + path, 'utf8')
}
