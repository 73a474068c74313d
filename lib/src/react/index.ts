import {
  type Context,
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useMemo,
  useState,
  useSyncExternalStore,
} from 'react'
import type * as Y from 'yjs'
import type { AgreedDocument } from '../agreed/agreed-document.js'
import { systemRuntime } from '../base/system-runtime.js'
import type { LegionDocument } from '../docs/document.js'
import type { Legion } from '../legion.js'
import type { kv } from '../machines/kv.js'
import type { AnyMachine, Frozen, StateOf } from '../machines/types.js'
import type { PeerInfo } from '../mesh/peer-info.js'
import type { LegionOptions } from '../options.js'
import { HeldLegion } from './held-legion.js'
import { useLive, useSelected } from './live.js'
import { livePeers, liveState, liveYjs } from './sources.js'

export interface LegionProviderProps<M extends AnyMachine, H> {
  /** As `Legion.open` takes them. Read once: give the provider another `key` to open another Legion. */
  readonly options: LegionOptions<M, H, Legion<M>>
  readonly children?: ReactNode
  /** Shown until the Legion is open: on a server, and for one render in a page. Default: nothing. */
  readonly fallback?: ReactNode
}

export interface LegionReact<M extends AnyMachine, H> {
  /** Opens a Legion for its children when it is mounted, and closes it a moment after it was unmounted. */
  LegionProvider(props: LegionProviderProps<M, H>): ReactElement
  /** The Legion of the provider above. @throws Error if there is none */
  useLegion(): Legion<M, H>
  /**
   * The selected part of the committed state, rendered anew when it is another one; undefined until the state is here.
   * A list or object made by `selector` counts as the same if its entries are.
   */
  useConsistent<T>(selector: (state: Frozen<StateOf<M>>) => T): T | undefined
  /** A document, as `legion.doc` gives it. It stays open as long as the Legion. @param name default `main` */
  useDoc(name?: string): LegionDocument
  useDoc(name: string, options: { readonly agreed: true }): AgreedDocument
  /** What `select` gives for a Yjs document (`document.y`, `document.agreed`), rendered anew when that changes. */
  useYjs<T>(y: Y.Doc, select: (y: Y.Doc) => T): T
  /** All other peers that are here. */
  usePeers(): readonly PeerInfo[]
}

/**
 * Hooks and a provider with the types of a machine and of handlers.
 *
 * ```ts
 * export const { LegionProvider, useConsistent } = createLegionReact<typeof theatre>()
 * ```
 * Call it once, in a module that has nothing else: hot reloading of a component then leaves the Legion alone.
 */
export function createLegionReact<M extends AnyMachine = typeof kv, H = unknown>(): LegionReact<M, H> {
  const context = createContext<Legion<M, H> | undefined>(undefined)
  return {
    // biome-ignore lint/correctness/noComponentHookFactories: called once in a program, which needs it for the types
    LegionProvider: (props) => provide(context, useHeldLegion(props.options), props),
    useLegion: () => useLegion(context),
    useConsistent: (selector) => useConsistent(useLegion(context), selector),
    useDoc: ((name?: string, options?: { readonly agreed: true }) =>
      useDoc(useLegion(context), name, options)) as LegionReact<M, H>['useDoc'],
    useYjs,
    usePeers: () => usePeers(useLegion(context)),
  }
}

type LegionContext<M extends AnyMachine, H> = Context<Legion<M, H> | undefined>

function useHeldLegion<M extends AnyMachine, H>(options: LegionOptions<M, H, Legion<M>>): Legion<M, H> | undefined {
  const [held] = useState(() => new HeldLegion(options, systemRuntime()))
  return useSyncExternalStore(held.hold, held.current, nothing)
}

function provide<M extends AnyMachine, H>(
  context: LegionContext<M, H>,
  legion: Legion<M, H> | undefined,
  { children, fallback }: LegionProviderProps<M, H>,
): ReactElement {
  return createElement(context.Provider, { value: legion }, legion === undefined ? fallback : children)
}

function useLegion<M extends AnyMachine, H>(context: LegionContext<M, H>): Legion<M, H> {
  const legion = useContext(context)
  if (legion === undefined) throw new Error('There is no LegionProvider above this component.')
  return legion
}

function useConsistent<M extends AnyMachine, H, T>(
  legion: Legion<M, H>,
  selector: (state: Frozen<StateOf<M>>) => T,
): T | undefined {
  const state = useMemo(() => liveState(legion), [legion])
  return useSelected(state, (now) => (now === undefined ? undefined : selector(now)))
}

function useDoc<M extends AnyMachine, H>(
  legion: Legion<M, H>,
  name: string | undefined,
  options: { readonly agreed: true } | undefined,
): LegionDocument {
  return options === undefined ? legion.doc(name) : legion.doc(name ?? 'main', options)
}

function useYjs<T>(y: Y.Doc, select: (y: Y.Doc) => T): T {
  const changes = useMemo(() => liveYjs(y), [y])
  return useSelected(changes, () => select(y))
}

function usePeers<M extends AnyMachine, H>(legion: Legion<M, H>): readonly PeerInfo[] {
  return useLive(() => livePeers(legion), [legion])
}

const nothing = () => undefined
