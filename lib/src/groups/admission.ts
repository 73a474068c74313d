import type { MachineDefinition } from '../machines/machine.js'
import type { Announce, Refusal } from './announce.js'
import type { ReplicatedState } from './replicated-state.js'

/** Every member can tell a stranger that it does not fit; a newcomer hears it from the first one it meets. */
export function problemWith(
  { machineName, member }: Announce,
  { version, roster }: ReplicatedState,
  { name }: MachineDefinition,
): Refusal | undefined {
  if (machineName !== name) {
    const problem = `The group runs the machine "${name}", this peer brought "${machineName}".`
    return { kind: 'refusal', code: 'E_MACHINE', problem }
  }
  if (member.machineVersion >= version || roster.members.has(member.id)) return undefined
  const problem = `The group runs version ${version} of machine "${name}", this peer has ${member.machineVersion}`
  return { kind: 'refusal', code: 'E_OUTDATED', problem: `${problem}: load the newer code.` }
}
