const connections: RTCPeerConnection[] = []

/** Notes every connection that the page makes from now on. */
export function watchConnections(): void {
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration?: RTCConfiguration) {
      super(configuration)
      connections.push(this)
    }
  }
}

/** What all of them have sent so far, as the browser counts it: with DTLS and SCTP, without UDP and IP. */
export async function sentBytes(): Promise<number> {
  const reports = await Promise.all(connections.map((connection) => connection.getStats().catch(() => new Map())))
  const transports = reports.flatMap((report) => [...report.values()].filter(({ type }) => type === 'transport'))
  return transports.reduce((sum, { bytesSent }) => sum + Number(bytesSent ?? 0), 0)
}
