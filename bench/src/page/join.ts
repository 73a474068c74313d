import { browserPlatform, Legion } from 'legion-mesh'
import { RawRoom, type RawRoomOptions } from '../peer/raw-room.js'

export interface TabJoinSettings {
  readonly cluster: string
  readonly signaling: string
}

/** One end of joining, bare or with Legion, driven through `globalThis.joinBench`. */
class JoinBench {
  #legion: Legion | undefined

  /** Answers, from now on, whoever dials. */
  async wait(options: RawRoomOptions): Promise<void> {
    const room = await enterable(options)
    room.wait()
  }

  /** Enters a room and dials who waits there. @returns how long until the channel was open, in ms */
  async dial(options: RawRoomOptions): Promise<number> {
    const room = await enterable(options)
    const startMs = performance.now()
    await room.dial()
    const tookMs = performance.now() - startMs
    await room.leave()
    return tookMs
  }

  /** @returns how long until the state was here, in ms */
  async join(settings: TabJoinSettings): Promise<number> {
    const startMs = performance.now()
    this.#legion = await Legion.join(settings)
    return performance.now() - startMs
  }

  /** @returns how long until the first link, and until the state was here, in ms */
  async joinByLink(settings: TabJoinSettings): Promise<{ readonly linkMs: number; readonly readyMs: number }> {
    const startMs = performance.now()
    const legion = Legion.open(settings)
    this.#legion = legion
    const linkMs = await new Promise<number>((resolve) => {
      legion.on('peerJoined', () => resolve(performance.now() - startMs))
    })
    await legion.ready
    return { linkMs, readyMs: performance.now() - startMs }
  }

  async close(): Promise<void> {
    await this.#legion?.close()
  }

  /** For good: the others forget this peer. */
  async leave(): Promise<void> {
    await this.#legion?.leave()
  }
}

async function enterable(options: RawRoomOptions): Promise<RawRoom> {
  const platform = browserPlatform()
  await platform.loadMesh()
  return new RawRoom(options, platform, { RTCPeerConnection, holdsCandidates: false })
}

declare global {
  var joinBench: JoinBench
}

globalThis.joinBench = new JoinBench()
