export interface Settings {
  readonly cluster: string
  readonly signaling: readonly string[]
  readonly secret: string | undefined
  /** What this tab shall be called; undefined: it finds a name. */
  readonly name: string | undefined
  /** Whether the seats outlive the tab, in this browser's IndexedDB. */
  readonly isKept: boolean
}

const DEFAULT_CLUSTER = 'theatre'
const DEFAULT_SIGNALING_PORT = 4455
const KEPT = 'indexeddb'

/** `?cluster=&signaling=&name=&secret=&storage=`; several signaling servers are separated by commas. */
export function readSettings(page: Pick<Location, 'search' | 'protocol' | 'hostname'>): Settings {
  const parameters = new URLSearchParams(page.search)
  const given = (name: string) => parameters.get(name)?.trim() || undefined
  return {
    cluster: given('cluster') ?? DEFAULT_CLUSTER,
    signaling: given('signaling')?.split(',') ?? [defaultSignaling(page)],
    secret: given('secret'),
    name: given('name'),
    isKept: given('storage') === KEPT,
  }
}

/** The page's address with the seats kept in this browser, or not. */
export function addressWith(isKept: boolean, href: string): string {
  const url = new URL(href)
  if (isKept) url.searchParams.set('storage', KEPT)
  else url.searchParams.delete('storage')
  return url.href
}

function defaultSignaling({ protocol, hostname }: Pick<Location, 'protocol' | 'hostname'>): string {
  return `${protocol === 'https:' ? 'wss' : 'ws'}://${hostname}:${DEFAULT_SIGNALING_PORT}`
}
