import { is, safeParse } from 'valibot'
import { anyHello, type ClientMessage, clientMessage, PROTOCOL_VERSION } from './protocol.js'

/** What a stranger's frame says, or why it says nothing. Total: any text gives one of the two. */
export function parseMessage(text: string): ClientMessage | 'malformed' | 'version' {
  const json = parseJson(text)
  if (is(anyHello, json) && json.version !== PROTOCOL_VERSION) return 'version'
  const result = safeParse(clientMessage, json)
  return result.success ? result.output : 'malformed'
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
