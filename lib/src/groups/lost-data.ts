import { LegionError } from '../base/errors.js'
import { MAIN } from './group-registry.js'

/** The leader has proof that this peer's disk lost what it had acknowledged. */
export function lostDataError(group: number): LegionError {
  const name = group === MAIN ? 'main' : `number ${group}`
  const problem = `The storage of this peer has lost entries of the group ${name} that were durable.`
  return new LegionError('E_STORAGE', `${problem} The others send it everything again; check the disk.`)
}
