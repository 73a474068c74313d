export { kv } from 'legion-mesh'
export { lights as default } from './lights.mjs'
