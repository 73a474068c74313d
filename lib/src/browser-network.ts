// What a page needs to meet other peers, and no sooner: it is loaded after what the page shows first.

export { Mesh } from './mesh/mesh.js'
export { browserSocket } from './signaling/browser-socket.js'
export { createRendezvous } from './signaling/create-rendezvous.js'
export { browserStack, webrtcConnector } from './transport/webrtc-connector.js'
