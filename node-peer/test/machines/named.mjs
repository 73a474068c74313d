export { kv } from 'legion-mesh'
export { lights as machine } from './lights.mjs'
