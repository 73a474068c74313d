// What a page needs to keep its state, and no sooner: most pages keep nothing.

export { openSharedStore } from './storage/cluster-stores.js'
export { indexedDbStorage } from './storage/indexeddb-storage.js'
