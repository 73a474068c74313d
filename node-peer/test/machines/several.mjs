export { kv } from 'legion-mesh'
export { lights } from './lights.mjs'
