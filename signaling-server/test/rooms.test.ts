import { describe, expect, it } from 'vitest'
import { FakeClient, ICE_SERVERS, idOf, RESERVATION_MS, RoomsBench, tokenOf } from './fake-client.js'

describe('Rooms', () => {
  it('[SIG1] welcomes a peer with the others, the ICE servers and the ClusterId', () => {
    const bench = new RoomsBench()
    bench.join('a', { clusterId: 'cluster' })
    const b = bench.join('b')
    expect(b.received).toEqual([
      { type: 'welcome', peers: [idOf('a')], iceServers: ICE_SERVERS, clusterId: idOf('cluster') },
    ])
  })

  it('[SIG1] tells the others who came and who left', () => {
    const bench = new RoomsBench()
    const a = bench.join('a')
    const b = bench.join('b')
    a.take()
    bench.join('c')
    expect(a.take()).toEqual([{ type: 'peer-joined', peer: idOf('c') }])
    bench.rooms.disconnected(b)
    bench.rooms.disconnected(b)
    expect(a.take()).toEqual([{ type: 'peer-left', peer: idOf('b') }])
  })

  it('[SIG2] routes a signal to the one peer it is for', () => {
    const bench = new RoomsBench()
    const [a, b, c] = [bench.join('a'), bench.join('b'), bench.join('c')]
    for (const client of [a, b, c]) client.take()
    bench.rooms.receive(a, { type: 'signal', to: idOf('b'), payload: 'SGVsbG8' })
    expect(b.take()).toEqual([{ type: 'signal', from: idOf('a'), payload: 'SGVsbG8' }])
    expect([...a.take(), ...c.take()]).toEqual([])
  })

  it('[SIG2] drops a signal to a peer that is not in the room', () => {
    const bench = new RoomsBench()
    const a = bench.join('a')
    const elsewhere = bench.join('b', { room: 'other' })
    a.take()
    elsewhere.take()
    bench.rooms.receive(a, { type: 'signal', to: idOf('b'), payload: 'SGVsbG8' })
    expect([...a.take(), ...elsewhere.take()]).toEqual([])
  })

  it('[SIG3] refuses a PeerId that is in use with another token', () => {
    const bench = new RoomsBench()
    const owner = bench.join('a')
    expect(bench.join('a', { token: idOf('guess') }).dismissed).toBe('peer-taken')
    expect(owner.dismissed).toBeUndefined()
  })

  it('[SIG3] lets the token take a PeerId over, and tells the others once more that it joined', () => {
    const bench = new RoomsBench()
    const other = bench.join('other')
    const old = bench.join('a')
    other.take()
    const fresh = bench.join('a')
    expect(old.dismissed).toBe('replaced')
    bench.rooms.disconnected(old)
    expect(other.take()).toEqual([{ type: 'peer-joined', peer: idOf('a') }])
    bench.rooms.receive(other, { type: 'signal', to: idOf('a'), payload: 'AA' })
    expect(fresh.all('signal')).toHaveLength(1)
  })

  it('[SIG4] keeps a PeerId for its token for a while after its socket closed, over takeovers', async () => {
    const bench = new RoomsBench()
    const first = bench.join('a')
    const second = bench.join('a')
    for (const one of [first, second]) bench.rooms.disconnected(one)
    await bench.clock.run(RESERVATION_MS - 1)
    expect(bench.join('a', { token: tokenOf('thief') }).dismissed).toBe('peer-taken')
    expect(bench.backplane.counts.rooms).toBe(0)
    await bench.clock.run(1)
    expect(bench.join('a', { token: tokenOf('other') }).all('welcome')).toHaveLength(1)
    expect(bench.join('a').dismissed).toBe('peer-taken')
  })

  it('[SIG4] lets the owner back in at once, and begins anew when it goes', async () => {
    const bench = new RoomsBench()
    bench.rooms.disconnected(bench.join('a'))
    await bench.clock.run(RESERVATION_MS - 1)
    const back = bench.join('a')
    expect(back.all('welcome')).toHaveLength(1)
    expect(bench.backplane.counts.reservations).toBe(0)
    bench.rooms.disconnected(back)
    await bench.clock.run(RESERVATION_MS - 1)
    expect(bench.join('a', { token: tokenOf('thief') }).dismissed).toBe('peer-taken')
  })

  it('[SIG4] keeps PeerIds per room, and a limited number of them', () => {
    const bench = new RoomsBench({ reservations: 2 })
    for (const peer of ['a', 'b', 'c']) bench.rooms.disconnected(bench.join(peer))
    expect(bench.backplane.counts.reservations).toBe(2)
    const token = tokenOf('thief')
    expect(['a', 'b', 'c'].map((peer) => bench.join(peer, { token }).dismissed)).toEqual([
      undefined,
      'peer-taken',
      'peer-taken',
    ])
    expect(bench.join('b', { token, room: 'other' }).dismissed).toBeUndefined()
  })

  it('[SIG10] lets remembered empty rooms make way, the one empty for longest first', () => {
    const bench = new RoomsBench({ membersPerRoom: 2, rooms: 2 })
    const one = bench.join('a', { room: 'one', clusterId: 'c1', durable: true })
    const two = bench.join('a', { room: 'two', clusterId: 'c2', durable: true })
    bench.rooms.disconnected(two)
    bench.rooms.disconnected(one)
    bench.join('b', { room: 'three' })
    expect(bench.clusterOf('one')).toBe(idOf('c1'))
    expect(bench.backplane.counts.rooms).toBe(2)
  })

  it('[SIG10] lets no room make way that is in use again', () => {
    const bench = new RoomsBench({ membersPerRoom: 2, rooms: 1 })
    bench.rooms.disconnected(bench.join('a', { room: 'one', clusterId: 'c1', durable: true }))
    bench.join('a', { room: 'one' })
    expect(bench.join('b', { room: 'two' }).dismissed).toBe('too-many-rooms')
  })

  it('[SIG10] refuses one room too many when none is empty', () => {
    const bench = new RoomsBench({ membersPerRoom: 2, rooms: 2 })
    bench.join('a', { room: 'one' })
    const two = bench.join('b', { room: 'two' })
    expect(bench.join('c', { room: 'three' }).dismissed).toBe('too-many-rooms')
    bench.rooms.disconnected(two)
    expect(bench.join('c', { room: 'three' }).dismissed).toBeUndefined()
  })

  it('[SIG11] refuses one peer too many without disturbing the others', () => {
    const bench = new RoomsBench({ membersPerRoom: 2, rooms: 2 })
    const a = bench.join('a')
    bench.join('b')
    a.take()
    expect(bench.join('c').dismissed).toBe('room-full')
    expect(a.take()).toEqual([])
  })

  it('[SIG12] complains of messages out of place', () => {
    const bench = new RoomsBench()
    const client = new FakeClient()
    bench.rooms.receive(client, { type: 'found', clusterId: idOf('c') })
    bench.rooms.receive(client, { type: 'signal', to: idOf('a'), payload: 'AA' })
    expect(client.complaints).toEqual(['not-joined', 'not-joined'])
  })

  it('[SIG20] answers a ping, before the hello too', () => {
    const client = new FakeClient()
    new RoomsBench().rooms.receive(client, { type: 'ping' })
    expect(client.received).toEqual([{ type: 'pong' }])
  })
})
