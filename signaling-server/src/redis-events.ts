import * as v from 'valibot'

const text = v.string()
const seq = v.number()
/** Who is where, as [peer, instance]. Lua has one type for lists and records, and writes an empty one as a record. */
const view = v.pipe(
  v.union([
    v.array(v.tuple([text, text])),
    v.pipe(
      v.strictObject({}),
      v.transform((): [string, string][] => []),
    ),
  ]),
  v.transform((pairs): ReadonlyMap<string, string> => new Map(pairs)),
)

/** What comes through an instance's channel: `[name, …arguments]`. A ClusterId of '' is none. */
const EVENTS = {
  /** seq, room, cluster, and who is there if that was asked for */
  entered: v.tuple([seq, text, text, v.union([v.literal(false), view])]),
  refused: v.tuple([seq, v.picklist(['peer-taken', 'room-full', 'too-many-rooms'])]),
  replaced: v.tuple([seq]),
  founded: v.tuple([seq, text]),
  /** room, cluster */
  cluster: v.tuple([text, text]),
  /** room, peer, instance */
  joined: v.tuple([text, text, text]),
  /** The same stay, at another instance or at the same one under a new name. */
  moved: v.tuple([text, text, text]),
  /** room, peer */
  left: v.tuple([text, text]),
  /** room, cluster, who is there */
  view: v.tuple([text, text, view]),
  /** room, from, to, payload */
  signal: v.tuple([text, text, text, text]),
  /** False if Redis did not know this instance any more. */
  beat: v.tuple([v.boolean()]),
} as const

type Name = keyof typeof EVENTS

export type RedisEventHandlers = {
  readonly [N in Name]: (...args: v.InferOutput<(typeof EVENTS)[N]>) => void
}

/** Calls the handler of the event that `text` is. Returns false if it is none. */
export function handleRedisEvent(text: string, handlers: RedisEventHandlers): boolean {
  const json = parseJson(text)
  const [name, ...args] = Array.isArray(json) ? json : []
  return isName(name) && handle(name, args, handlers)
}

function handle<N extends Name>(name: N, args: readonly unknown[], handlers: RedisEventHandlers): boolean {
  const result = v.safeParse(EVENTS[name], args)
  // The compiler does not see that the schema and the handler of one name belong together.
  if (result.success) (handlers[name] as (...args: unknown[]) => void)(...(result.output as unknown[]))
  return result.success
}

function isName(name: unknown): name is Name {
  return typeof name === 'string' && Object.hasOwn(EVENTS, name)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
