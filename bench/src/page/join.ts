import { browserPlatform, Legion } from 'legion-mesh'
import { RawRoom, type RawRoomOptions } from '../peer/raw-room.js'

/** One end of joining, bare or with Legion, driven through `globalThis.joinBench`. */
class JoinBench {
  #legion: Legion | undefined

  /** Answers, from now on, whoever dials. */
  async wait(options: RawRoomOptions): Promise<void> {
    const room = await roomOf(options)
    await room.wait()
  }

  /** Enters a room and dials who waits there. @returns how long until the channel was open, in ms */
  async dial(options: RawRoomOptions): Promise<number> {
    const room = await roomOf(options)
    return room.dialOnce()
  }

  /** @returns how long until the state was here, in ms */
  async join(settings: RawRoomOptions): Promise<number> {
    const startMs = performance.now()
    this.#legion = await Legion.join(settings)
    return performance.now() - startMs
  }

  /** @returns how long until the first link, and until the state was here, in ms */
  async joinByLink(settings: RawRoomOptions): Promise<{ readonly linkMs: number; readonly readyMs: number }> {
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

/** Loads what is needed. */
async function roomOf(options: RawRoomOptions): Promise<RawRoom> {
  const platform = browserPlatform()
  await platform.loadMesh()
  return new RawRoom(options, platform, { RTCPeerConnection, offererHoldsCandidates: false })
}

declare global {
  var joinBench: JoinBench
}

globalThis.joinBench = new JoinBench()
