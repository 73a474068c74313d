import type { PeerId } from '../base/ids.js'
import { weightOf } from './pair-weight.js'

/** What each peer chooses; with what others choose it has four or five. */
const CHOSEN_LINKS = 3

/**
 * Links that news passes at once: of each peer those of the lowest weights, chosen alike at both ends as far as they know
 * of each other's links. As few as that connect all of a mesh almost surely (of random graphs in which each chooses its
 * three nearest: Cooper and Frieze 1995), with a fifth of the messages that all links would cost. A link whose other end
 * is not known to have any is among them.
 * @param linksOf of another peer, as far as it is known
 */
export function eagerLinks(
  self: PeerId,
  links: readonly PeerId[],
  linksOf: (peer: PeerId) => readonly PeerId[] | undefined,
): Set<PeerId> {
  return new Set(links.filter((peer) => isChosen(self, peer, links) || isChosen(peer, self, linksOf(peer) ?? [])))
}

/** Whether less than CHOSEN_LINKS of the links of `from` rank before that to `to`. */
function isChosen(from: PeerId, to: PeerId, links: readonly PeerId[]): boolean {
  const weight = weightOf(from, to)
  let before = 0
  for (const peer of links) if (weightOf(from, peer) < weight) before++
  return before < CHOSEN_LINKS
}
