import type { PeerId } from '../base/ids.js'
import type { MachineDefinition } from '../machines/machine.js'
import type { Message } from '../raft/index.js'
import type { Announce, Refusal } from './announce.js'
import { holdsSeveral, isProposable } from './entry.js'
import { PACKED_BYTES_MAX } from './pack.js'
import type { Replica } from './replica.js'
import type { ReplicatedState } from './replicated-state.js'
import type { Member } from './roster.js'
import { peerOf } from './voter-id.js'

/** Who wants to be a member, as its own words describe it. */
export interface Applicant extends Omit<Member, 'id' | 'machineVersion'> {
  readonly peer: PeerId
}

/** Whether a peer may become a member. A function that throws says no. */
export type Admit = (applicant: Applicant) => boolean

export const EJECTED: Refusal = { kind: 'refusal', code: 'E_EJECTED', problem: 'This peer was ejected from the group.' }

/** Every member can tell a stranger that it does not fit; a newcomer hears it from the first one it meets. */
export function problemWith(
  { machineName, member }: Announce,
  { version, roster }: ReplicatedState,
  { name }: MachineDefinition,
  admit: Admit | undefined,
): Refusal | undefined {
  const peer = peerOf(member.id)
  if (roster.isEjected(peer) && !roster.has(peer)) return EJECTED
  if (machineName !== name) {
    const problem = `The group runs the machine "${name}", this peer brought "${machineName}".`
    return { kind: 'refusal', code: 'E_MACHINE', problem }
  }
  if (roster.members.has(member.id)) return undefined
  if (admit !== undefined && !isAdmitted(member, admit)) {
    return { kind: 'refusal', code: 'E_UNAUTHORIZED', problem: 'A member does not admit this peer to the group.' }
  }
  if (member.machineVersion >= version) return undefined
  const problem = `The group runs version ${version} of machine "${name}", this peer has ${member.machineVersion}`
  return { kind: 'refusal', code: 'E_OUTDATED', problem: `${problem}: load the newer code.` }
}

function isAdmitted({ id, machineVersion: _, ...member }: Member, admit: Admit): boolean {
  try {
    return admit({ ...member, peer: peerOf(id) }) === true
  } catch {
    return false
  }
}

/** Kind, session, sequence, lowest and timestamp of a command entry. */
const ENTRY_HEADER_BYTES_MAX = 64

/** A removed incarnation can't disturb the others, and only what any peer may propose is proposed from outside. */
export function isAcceptable(message: Message, replica: Replica, commandBytes: number): boolean {
  if (message.to !== replica.id || replica.state.roster.isRetired(message.from)) return false
  if (message.type !== 'propose') return true
  return message.entries.every(({ type, data }) => {
    const bytesMax = holdsSeveral(data) ? PACKED_BYTES_MAX : commandBytes + ENTRY_HEADER_BYTES_MAX
    return type === 'normal' && isProposable(data) && data.length <= bytesMax
  })
}
