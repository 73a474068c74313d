/** Priority classes inside a link, most urgent first. The index is on the wire. */
export const LANES = ['control', 'consensus', 'calls', 'documents', 'bulk'] as const
export type Lane = (typeof LANES)[number]
