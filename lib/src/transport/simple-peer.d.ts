/** The prebuilt file bundles everywhere; @types/simple-peer describes only the module form. */
declare module 'simple-peer/simplepeer.min.js' {
  const SimplePeer: unknown
  export default SimplePeer
}
