export { type NodePlatformOptions, nodePlatform } from './node/platform.js'
export { NODE_WEBRTC_PACKAGES, type NodeWebRtc, type NodeWebRtcPackage } from './node/webrtc.js'
