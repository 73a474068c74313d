import { describe, expect, it } from 'vitest'
import { adaptWebSocket, type WebSocketLike } from '../../src/signaling/web-socket.js'

class FakeWebSocket implements WebSocketLike {
  readonly #listeners = new Map<string, (event: never) => void>()
  readyState = 0
  readonly sent: string[] = []

  send(text: string): void {
    if (this.readyState === 0) throw new DOMException('still connecting', 'InvalidStateError')
    this.sent.push(text)
  }

  close(): void {
    this.readyState = 2
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, listener)
  }

  fire(type: string, event: object = {}): void {
    this.#listeners.get(type)?.(event as never)
  }

  open(): void {
    this.readyState = 1
    this.fire('open')
  }
}

function adapt() {
  const webSocket = new FakeWebSocket()
  const log: string[] = []
  const socket = adaptWebSocket(webSocket, {
    open: () => log.push('open'),
    message: (text) => log.push(text),
    close: (reason) => log.push(`closed: ${reason}`),
  })
  return { webSocket, socket, log }
}

describe('adaptWebSocket', () => {
  it('[SGC20] passes on opening, text frames and the close, once', () => {
    const { webSocket, log } = adapt()
    webSocket.open()
    webSocket.fire('message', { data: 'hello' })
    webSocket.fire('message', { data: new ArrayBuffer(2) })
    webSocket.fire('close', { reason: 'shutdown' })
    webSocket.fire('close', { reason: 'again' })
    expect(log).toEqual(['open', 'hello', 'closed: shutdown'])
  })

  it('[SGC20] gives the error as the reason where the platform tells it', () => {
    const { webSocket, log } = adapt()
    webSocket.fire('error', { message: 'ECONNREFUSED' })
    webSocket.fire('close', { reason: '' })
    expect(log).toEqual(['closed: ECONNREFUSED'])
  })

  it('[SGC20] fires nothing after close', () => {
    const { webSocket, socket, log } = adapt()
    socket.close()
    socket.close()
    webSocket.open()
    webSocket.fire('message', { data: 'late' })
    webSocket.fire('close', { reason: '' })
    expect(log).toEqual([])
  })

  it('[SGC20] sends only while open, and never throws', () => {
    const { webSocket, socket } = adapt()
    socket.send('early')
    webSocket.open()
    socket.send('now')
    socket.close()
    socket.send('late')
    expect(webSocket.sent).toEqual(['now'])
  })
})
