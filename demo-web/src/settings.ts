export interface Settings {
  readonly cluster: string
  readonly signaling: readonly string[]
  readonly secret: string | undefined
  /** What this tab shall be called; undefined: it finds a name. */
  readonly name: string | undefined
}

const DEFAULT_CLUSTER = 'theatre'
const DEFAULT_SIGNALING_PORT = 4455

/** `?cluster=&signaling=&name=&secret=`; several signaling servers are separated by commas. */
export function readSettings(page: Pick<Location, 'search' | 'protocol' | 'hostname'>): Settings {
  const parameters = new URLSearchParams(page.search)
  const given = (name: string) => parameters.get(name)?.trim() || undefined
  return {
    cluster: given('cluster') ?? DEFAULT_CLUSTER,
    signaling: given('signaling')?.split(',') ?? [defaultSignaling(page)],
    secret: given('secret'),
    name: given('name'),
  }
}

function defaultSignaling({ protocol, hostname }: Pick<Location, 'protocol' | 'hostname'>): string {
  return `${protocol === 'https:' ? 'wss' : 'ws'}://${hostname}:${DEFAULT_SIGNALING_PORT}`
}
