import type { MachineDefinition } from '../machines/machine.js'
import type { Message } from '../raft/index.js'
import type { Announce, Refusal } from './announce.js'
import { isProposable } from './entry.js'
import type { Replica } from './replica.js'
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

/** Kind, session, sequence, lowest and timestamp of a command entry. */
const ENTRY_HEADER_BYTES_MAX = 64

/** A removed incarnation can't disturb the others, and only what any peer may propose is proposed from outside. */
export function isAcceptable(message: Message, replica: Replica, commandBytes: number): boolean {
  if (message.to !== replica.id || replica.state.roster.isRetired(message.from)) return false
  if (message.type !== 'propose') return true
  return message.entries.every(
    ({ type, data }) => type === 'normal' && isProposable(data) && data.length <= commandBytes + ENTRY_HEADER_BYTES_MAX,
  )
}
