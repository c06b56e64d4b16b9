import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { PathWatch, type PathReport } from '@/call/path-report'
import { FakePeerConnection, FakeWorld, flush } from './fake-peer'

const HOST = 'candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host'
const RELAY = 'candidate:2 1 udp 41885439 198.51.100.7 50001 typ relay raddr 192.0.2.1 rport 50000'
const PAIR = [
  { type: 'transport', selectedCandidatePairId: 'P' },
  { type: 'candidate-pair', id: 'P', localCandidateId: 'L', remoteCandidateId: 'R' },
  { id: 'L', candidateType: 'relay', protocol: 'udp', relayProtocol: 'tls', address: '198.51.100.7' },
  { id: 'R', candidateType: 'host', protocol: 'udp', address: '192.0.2.1' },
]

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
})
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

describe('one connection', () => {
  let connection: FakePeerConnection
  let watch: PathWatch
  let told: PathReport[]

  beforeEach(() => {
    connection = new FakePeerConnection({})
    told = []
    watch = new PathWatch(connection as unknown as RTCPeerConnection, {
      id: () => 'c1',
      onReport: (report) => told.push(report),
      now: () => Date.now(),
    })
  })
  afterEach(() => watch.close())

  const describing = (type: 'offer' | 'answer', sdp = '') => {
    connection.remoteDescription = { type, sdp, toJSON: () => ({ type, sdp }) }
    watch.described(type)
  }

  it('tells each state, with what it took to get there', async () => {
    watch.offered()
    connection.gather(HOST)
    connection.gather(RELAY)
    await vi.advanceTimersByTimeAsync(100)
    describing('answer')
    watch.added(HOST)
    connection.become('connecting')
    connection.gather(null)
    await vi.advanceTimersByTimeAsync(50)
    connection.iceBecomes('connected')
    connection.reports = PAIR
    await vi.advanceTimersByTimeAsync(25)
    connection.iceBecomes('completed')
    connection.become('connected')
    await flush()
    const candidates = { local: { host: 1, relay: 1 }, remote: { host: 1 } }
    const common = { connection: 'c1', reason: 'state', ...candidates }
    expect(told).toEqual([
      { ...common, state: 'connecting', iceState: 'checking', elapsedMs: 100 },
      {
        ...common,
        state: 'connected',
        iceState: 'connected',
        elapsedMs: 175,
        gatheringMs: 100,
        iceMs: 150,
        pair: { local: 'relay', remote: 'host', protocol: 'udp', relayProtocol: 'tls', family: 'v4' },
      },
    ])
    expect(JSON.stringify(told)).not.toMatch(/192|198/)
  })

  it('begins to count with the first description, whoever makes it', async () => {
    connection.become('connecting')
    expect(told[0]).not.toHaveProperty('elapsedMs')
    describing('offer')
    watch.offered()
    await vi.advanceTimersByTimeAsync(30)
    connection.become('failed')
    expect(told[1]).toMatchObject({ state: 'failed', elapsedMs: 30 })
    describing('answer')
  })

  it('names each error of a server once, at most eight, and no address', () => {
    connection.refuse(701, 'Address not associated with the desired network interface.')
    connection.become('connecting')
    expect(told[0]).not.toHaveProperty('serverErrors')
    for (const code of [401, 701, 401, 300, 400, 403, 437, 438, 441, 486, 508]) connection.refuse(code, 'no')
    connection.become('failed')
    expect(told[1]?.serverErrors).toEqual([401, 701, 300, 400, 403, 437, 438, 441])
  })

  it('counts candidates that stand in the description', () => {
    describing('offer', `v=0\r\na=${HOST} generation 0\r\na=${RELAY}\r\n`)
    watch.added(HOST)
    connection.become('connecting')
    expect(told[0]).toMatchObject({ local: {}, remote: { host: 1, relay: 1 } })
  })

  it('keeps the order when the pair is slow to come, and does not wait for it', async () => {
    connection.reports = PAIR
    connection.become('connected')
    connection.become('disconnected')
    connection.become('connected')
    await flush()
    expect(told.map(({ state, pair }) => [state, pair !== undefined])).toEqual([
      ['connected', false],
      ['disconnected', false],
      ['connected', true],
    ])
  })

  it('tells of a connection without numbers too', async () => {
    connection.getStats = () => Promise.reject(new DOMException('closed', 'InvalidStateError'))
    connection.become('connected')
    await flush()
    expect(told).toMatchObject([{ state: 'connected' }])
    expect(told[0]).not.toHaveProperty('pair')
  })

  it('tells when no answer comes, once', async () => {
    watch.offered()
    await vi.advanceTimersByTimeAsync(14_999)
    expect(told).toEqual([])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(told).toMatchObject([{ reason: 'no_answer', state: 'new', elapsedMs: 15_000 }])
  })

  it('waits for no answer that is here', async () => {
    watch.offered()
    describing('answer')
    await vi.advanceTimersByTimeAsync(19_999)
    expect(told).toEqual([])
  })

  describe('that both sides agreed to', () => {
    beforeEach(() => {
      watch.offered()
      describing('answer', `a=ice-ufrag:one\r\na=${HOST}\r\n`)
    })

    it('tells once that nothing begins, and what the servers said', async () => {
      connection.refuse(401, 'Unauthorized')
      connection.gather(null)
      await vi.advanceTimersByTimeAsync(10_000)
      watch.offered()
      describing('answer', 'a=ice-ufrag:one\r\n')
      await vi.advanceTimersByTimeAsync(9_999)
      expect(told).toEqual([])
      await vi.advanceTimersByTimeAsync(60_000)
      expect(told).toEqual([
        {
          connection: 'c1',
          state: 'new',
          iceState: 'new',
          reason: 'state',
          elapsedMs: 20_000,
          gatheringMs: 0,
          local: {},
          remote: { host: 1 },
          serverErrors: [401],
        },
      ])
    })

    it('tells anew what was gathered while it seeks a path in vain', async () => {
      connection.become('connecting')
      connection.gather(RELAY)
      await vi.advanceTimersByTimeAsync(60_000)
      expect(told.map(({ state, local }) => [state, local])).toEqual([
        ['connecting', {}],
        ['connecting', { relay: 1 }],
      ])
    })

    it.each(['connected', 'disconnected', 'failed'] as const)('has told that it %s', async (state) => {
      connection.become(state)
      await vi.advanceTimersByTimeAsync(60_000)
      watch.tellIfOpen()
      expect(told).toHaveLength(1)
    })

    it('counts from the newest attempt', async () => {
      await vi.advanceTimersByTimeAsync(15_000)
      watch.restarting()
      await vi.advanceTimersByTimeAsync(1_000)
      describing('answer', 'a=ice-ufrag:two\r\n')
      await vi.advanceTimersByTimeAsync(19_999)
      expect(told.map(({ reason }) => reason)).toEqual(['ice_restart'])
      await vi.advanceTimersByTimeAsync(1)
      expect(told[1]).toMatchObject({ reason: 'state', state: 'new', elapsedMs: 21_000 })
    })
  })

  it('has nothing to tell of what the other side never agreed to', () => {
    watch.offered()
    watch.tellIfOpen()
    expect(told).toEqual([])
  })

  describe('restarting ICE', () => {
    beforeEach(async () => {
      watch.offered()
      connection.gather(HOST)
      connection.refuse(701)
      describing('answer', 'a=ice-ufrag:one\r\n')
      connection.become('connected')
      await flush()
      told.length = 0
    })

    it('begins anew', async () => {
      connection.become('failed')
      await vi.advanceTimersByTimeAsync(1_000)
      watch.restarting()
      await vi.advanceTimersByTimeAsync(20)
      connection.gather(RELAY)
      connection.gather(null)
      describing('answer', 'a=ice-ufrag:two\r\n')
      connection.iceBecomes('connected')
      connection.become('connected')
      await vi.advanceTimersByTimeAsync(10_000)
      expect(told).toMatchObject([
        { state: 'failed', local: { host: 1 }, serverErrors: [701] },
        { state: 'failed', reason: 'ice_restart', elapsedMs: 0, local: {} },
        {
          state: 'connected',
          reason: 'state',
          elapsedMs: 20,
          gatheringMs: 20,
          iceMs: 20,
          local: { relay: 1 },
        },
      ])
      expect(told[2]).not.toHaveProperty('serverErrors')
    })

    it('tells how it ended where the path worked all along, once', async () => {
      watch.restarting()
      await vi.advanceTimersByTimeAsync(70)
      describing('answer', 'a=ice-ufrag:two\r\n')
      await vi.advanceTimersByTimeAsync(4_999)
      expect(told).toMatchObject([{ reason: 'ice_restart', state: 'connected' }])
      await vi.advanceTimersByTimeAsync(1)
      expect(told[1]).toMatchObject({ reason: 'state', state: 'connected', elapsedMs: 70 })
      describing('answer', 'a=ice-ufrag:two\r\n')
      await vi.advanceTimersByTimeAsync(60_000)
      expect(told).toHaveLength(2)
    })

    it('leaves it to the states where it did not', async () => {
      watch.restarting()
      describing('answer', 'a=ice-ufrag:two\r\n')
      connection.become('disconnected')
      await vi.advanceTimersByTimeAsync(60_000)
      expect(told.map(({ state, reason }) => [reason, state])).toEqual([
        ['ice_restart', 'connected'],
        ['state', 'disconnected'],
      ])
    })

    it('of the other side is known by its new credentials', async () => {
      await vi.advanceTimersByTimeAsync(1_000)
      describing('offer', 'a=ice-ufrag:one\r\n')
      await vi.advanceTimersByTimeAsync(10_000)
      expect(told).toEqual([])
      describing('offer', 'a=ice-ufrag:two\r\n')
      await vi.advanceTimersByTimeAsync(10_000)
      expect(told).toMatchObject([{ state: 'connected', reason: 'state', elapsedMs: 0, local: {} }])
    })
  })

  it('says nothing once closed', async () => {
    connection.become('connected')
    watch.offered()
    watch.close()
    connection.become('failed')
    connection.gather(HOST)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(told).toEqual([])
  })
})

describe('a pair', () => {
  let world: FakeWorld

  beforeEach(() => {
    world = new FakeWorld()
  })
  afterEach(() => {
    world.a.mesh.closeAll()
    world.b.mesh.closeAll()
  })

  const told = (side: 'a' | 'b') =>
    world[side].paths.map(({ connection, state, reason }) => `${connection} ${reason} ${state}`)

  it('tells from both sides under one id', async () => {
    world.open()
    await world.settle()
    expect(told('a')).toEqual(['b1 state connected'])
    expect(told('b')).toEqual(['b1 state connected'])
  })

  it('tells that it restarts ICE and then begins anew, and nothing after that is over', async () => {
    world.open()
    await world.settle()
    world.cut()
    await world.pass(30_000)
    world.network = true
    await world.pass(30_000)
    const ours = told('a')
    expect(ours[0]).toBe('b1 state connected')
    expect(ours[1]).toBe('b1 state failed')
    expect(ours[2]).toBe('b1 ice_restart failed')
    expect(ours.find((line) => line.includes('rebuild'))).toMatch(/^a\d+ rebuild new$/)
    expect(ours.at(-1)).toMatch(/^a\d+ state connected$/)
    world.a.mesh.closeAll()
    const { length } = ours
    world.a.current.become('failed')
    await world.pass(30_000)
    expect(told('a')).toHaveLength(length)
  })

  it('that can gather nothing is told of by both sides, each time before it is begun anew', async () => {
    world.network = false
    world.open()
    await world.settle()
    for (const side of [world.a, world.b]) side.current.refuse(401)
    await world.pass(19_500)
    expect([told('a'), told('b')]).toEqual([[], []])
    await world.pass(1_000)
    expect([told('a'), told('b')]).toEqual([['b1 state new'], ['b1 state new']])
    expect(world.a.paths[0]?.serverErrors).toEqual([401])
    await world.pass(5_000)
    for (const side of [world.a, world.b]) side.current.refuse(401)
    await world.pass(18_500)
    const second = ({ connection, reason }: PathReport) => connection === 'a2' && reason === 'state'
    for (const side of ['a', 'b'] as const)
      expect(world[side].paths.filter(second)).toMatchObject([{ state: 'new', serverErrors: [401] }])
    world.network = true
    await world.settle()
    expect(world.connected).toBe(true)
  })

  it('of which one side never answers', async () => {
    world.a.mesh.open('b', { polite: false, initiate: true, kind: 'person' })
    await vi.advanceTimersByTimeAsync(15_000)
    expect(told('a')).toEqual(['a1 no_answer new'])
  })

  it('that flaps does not flood', async () => {
    world.open()
    await world.settle()
    for (let time = 0; time < 50; time++) world.a.current.become(time % 2 ? 'connected' : 'disconnected')
    world.a.current.become('failed')
    await flush()
    expect(world.a.paths.length).toBeLessThanOrEqual(12)
    expect(told('a').at(-1)).toBe('b1 state failed')
  })
})
