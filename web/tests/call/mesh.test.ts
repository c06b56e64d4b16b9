import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { cameraBudget, screenBudget } from '@/call/budget'
import { readStats } from '@/call/stats'
import { FakeWorld, msids } from './fake-peer'
import { seeded } from './fake-server'

let world: FakeWorld

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  world = new FakeWorld()
})
afterEach(() => {
  world.a.mesh.closeAll()
  world.b.mesh.closeAll()
  vi.useRealTimers()
})

async function connected(): Promise<void> {
  world.open()
  await world.settle()
  expect(world.connected).toBe(true)
}

const track = (kind: string) => ({ kind, id: `${kind}-track` }) as unknown as MediaStreamTrack

describe('a pair', () => {
  it('connects with one connection each, four tracks both ways', async () => {
    await connected()
    for (const side of [world.a, world.b]) {
      expect(side.connections).toHaveLength(1)
      expect(side.links).toEqual(['connected'])
      const { transceivers } = side.current
      expect(transceivers.map(({ mid, receiver }) => [mid, receiver.track.kind])).toEqual([
        ['0', 'audio'],
        ['1', 'video'],
        ['2', 'video'],
        ['3', 'audio'],
      ])
      expect(transceivers.map(({ direction }) => direction)).toEqual(Array(4).fill('sendrecv'))
    }
    expect(new Set(world.all.map(({ signal }) => signal.connection))).toEqual(new Set(['b1']))
  })

  it('tells camera from screen', async () => {
    await connected()
    const kinds = (name: 'camera' | 'screen') =>
      world.a.mesh
        .streams(name)
        .get('b')
        ?.getTracks()
        .map(({ kind }) => kind)
    expect(kinds('camera')).toEqual(['audio', 'video'])
    expect(kinds('screen')).toEqual(['video', 'audio'])
    const [camera, screen] = [1, 2].map((place) => world.a.current.transceivers[place]?.receiver.track)
    expect(world.a.mesh.streams('camera').get('b')?.getTracks()).toContain(camera)
    expect(world.a.mesh.streams('screen').get('b')?.getTracks()).toContain(screen)
  })

  it('sends a track at once, whether it comes before or during the call', async () => {
    world.b.mesh.setTrack('audio', track('audio'))
    await connected()
    world.a.mesh.setTrack('screen', track('video'))
    expect(world.b.current.transceivers.map((one) => one.track !== null)).toEqual([true, false, false, false])
    expect(world.a.current.transceivers.map((one) => one.track !== null)).toEqual([false, false, true, false])
    world.a.mesh.setTrack('screen', null)
    expect(world.a.current.transceivers[2]?.track).toBeNull()
  })

  it('settles on one connection when both begin at once', async () => {
    world.open({ a: true, b: true })
    await world.settle()
    expect(world.connected).toBe(true)
    for (const side of [world.a, world.b]) {
      expect(side.connections).toHaveLength(1)
      expect(side.current.transceivers.filter(({ stopped }) => !stopped)).toHaveLength(4)
    }
    expect(world.b.current.rollbacks).toBe(1)
    expect(world.all.at(-1)?.signal.connection).toBe('a1')
  })

  it('makes the offer itself when the newcomer’s never comes, but not into the void', async () => {
    world.open({})
    world.a.reachable = world.b.reachable = false
    await world.pass(20_000)
    expect(world.all).toEqual([])
    world.a.reachable = true
    await world.pass(5_000)
    expect(world.connected).toBe(true)
  })

  describe('that never begins to seek a path', () => {
    beforeEach(async () => {
      world.network = false
      world.open()
      await world.settle()
    })

    it('is begun anew', async () => {
      await world.pass(24_500)
      expect(world.a.connections).toHaveLength(1)
      await world.pass(1_000)
      expect(world.a.connections).toHaveLength(2)
      world.network = true
      await world.settle()
      expect(world.connected).toBe(true)
    })

    it('is begun anew as soon as a signal can pass again', async () => {
      world.a.reachable = world.b.reachable = false
      await world.pass(60_000)
      expect(world.a.connections).toHaveLength(1)
      world.a.reachable = world.b.reachable = world.network = true
      world.a.mesh.recover('b', false)
      await world.pass(500)
      expect(world.a.connections).toHaveLength(2)
      expect(world.connected).toBe(true)
    })

    it('is left to the browser once it does', async () => {
      for (const side of [world.a, world.b]) side.current.become('connecting')
      await world.pass(60_000)
      expect(world.a.connections).toHaveLength(1)
    })
  })

  it('is forgotten with all its timers', async () => {
    await connected()
    world.cut()
    world.a.mesh.close('b')
    world.b.mesh.close('a')
    await world.pass(60_000)
    expect(world.a.connections).toHaveLength(1)
    expect(world.a.mesh.streams('camera').size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})

it('names one stream for microphone and camera and another for the screen, in offer and answer', async () => {
  await connected()
  for (const { current } of [world.a, world.b]) {
    const [microphone, camera, screen, screenSound] = msids(current)
    expect([microphone, screen]).not.toContain('-')
    expect(microphone).toBe(camera)
    expect(screen).toBe(screenSound)
    expect(screen).not.toBe(camera)
  }
})

describe('a path that breaks', () => {
  it('gets time to heal, then another path', async () => {
    await connected()
    for (const side of [world.a, world.b]) side.current.become('disconnected')
    await vi.advanceTimersByTimeAsync(2_900)
    expect(world.a.current.restarts).toBe(0)
    await world.pass(500)
    expect(world.a.current.restarts).toBe(1)
    expect(world.a.links).toEqual(['connected', 'lost', 'connected'])
    await world.pass(30_000)
    expect(
      [world.a, world.b].map(({ current, connections }) => [current.restarts, connections.length]),
    ).toEqual([
      [1, 1],
      [0, 1],
    ])
  })

  it('that heals by itself is left alone', async () => {
    await connected()
    world.a.current.become('disconnected')
    await vi.advanceTimersByTimeAsync(1_000)
    world.a.current.become('connected')
    await world.pass(30_000)
    expect(world.a.current.restarts).toBe(0)
  })

  it('is sought anew at once when it failed', async () => {
    await connected()
    for (const side of [world.a, world.b]) side.current.become('failed')
    await world.pass(500)
    expect(world.connected).toBe(true)
    expect(world.a.connections).toHaveLength(1)
    // The same RTCPeerConnection goes on under the same id.
    expect(new Set(world.all.map(({ signal }) => signal.connection))).toEqual(new Set(['b1']))
  })

  it('that no restart mends gets a new connection, begun by one side only', async () => {
    await connected()
    world.cut()
    await world.pass(9_000)
    expect(world.a.connections).toHaveLength(1)
    await world.pass(1_500)
    expect(world.a.connections).toHaveLength(2)
    expect(world.b.connections).toHaveLength(2)
    expect(world.a.connections[0]?.connectionState).toBe('closed')
    world.network = true
    await world.settle()
    expect(world.connected).toBe(true)
    expect(world.all.at(-1)?.signal.connection).toBe('a2')
    expect(world.a.links.at(-1)).toBe('connected')
  })

  it('that fails twice does not wait for the end of the time', async () => {
    await connected()
    world.cut()
    await world.pass(500)
    world.a.current.become('connecting')
    world.a.current.become('failed')
    await world.pass(500)
    world.a.current.become('connecting')
    world.a.current.become('failed')
    await world.pass(500)
    expect(world.a.connections).toHaveLength(2)
  })

  it('is not hammered at for ever, and gets new hope with a new network', async () => {
    await connected()
    world.cut()
    await world.pass(15 * 60_000)
    const tries = world.a.connections.length
    expect(tries).toBeGreaterThan(3)
    expect(tries).toBeLessThan(25)
    await world.pass(15 * 60_000)
    expect(world.a.connections).toHaveLength(tries)
    world.network = true
    world.a.mesh.recover(null, true)
    await world.pass(3_000)
    expect(world.connected).toBe(true)
  })

  it('waits while no signal passes, and is mended as soon as one does', async () => {
    await connected()
    const said = world.all.length
    world.a.reachable = world.b.reachable = false
    world.cut()
    await world.pass(60_000)
    expect(world.all).toHaveLength(said)
    world.a.reachable = world.b.reachable = world.network = true
    world.a.mesh.recover('b', false)
    world.b.mesh.recover('a', false)
    await world.pass(1_000)
    expect(world.connected).toBe(true)
    expect(world.a.connections).toHaveLength(1)
  })

  it('is begun anew by the polite side when the other one does not', async () => {
    await connected()
    world.a.reachable = false
    world.cut()
    await world.pass(12_000)
    expect(world.b.connections).toHaveLength(1)
    await world.pass(12_000)
    expect(world.b.connections).toHaveLength(2)
    expect(world.a.connections).toHaveLength(2)
    world.network = true
    await world.settle()
    expect(world.connected).toBe(true)
  })

  it('to a recorder is begun anew by us, whoever is polite', async () => {
    world.open({ b: true }, 'recorder')
    await world.settle()
    world.a.reachable = false
    world.cut()
    await world.pass(10_500)
    expect(world.b.connections).toHaveLength(2)
  })
})

describe('a change of network', () => {
  it('looks for better paths where the present ones work', async () => {
    await connected()
    world.a.mesh.recover(null, true)
    await world.settle()
    expect(world.a.current.restarts).toBe(1)
    expect(world.a.links).toEqual(['connected'])
  })

  it('leaves alone what is just being set up', async () => {
    world.open()
    world.b.mesh.recover(null, true)
    await world.settle()
    expect(world.b.current.restarts).toBe(0)
    expect(world.connected).toBe(true)
  })

  it('after resuming touches only what is broken', async () => {
    await connected()
    world.a.mesh.recover(null, false)
    await world.settle()
    expect(world.a.current.restarts).toBe(0)
  })

  it('uses the newest servers for the next path', async () => {
    await connected()
    world.a.mesh.configure([{ urls: ['turn:fresh'], username: 'u', credential: 'c' }])
    expect(world.a.current.config.iceServers).toEqual([
      { urls: ['turn:fresh'], username: 'u', credential: 'c' },
    ])
  })
})

describe('a restart where the present path seems to work', () => {
  const both = (state: RTCPeerConnectionState) => {
    for (const side of [world.a, world.b]) side.current.become(state)
  }

  it('counts no more once its time is over: the next loss begins with a restart again', async () => {
    await connected()
    world.a.mesh.recover(null, true)
    await world.pass(11_000)
    world.network = false
    both('disconnected')
    await world.pass(4_000)
    expect(world.a.current.restarts).toBe(2)
    expect(world.a.connections).toHaveLength(1)
  })

  it('keeps its time when the old path goes meanwhile', async () => {
    await connected()
    world.network = false
    world.a.mesh.recover(null, true)
    await world.pass(500)
    both('disconnected')
    await world.pass(8_000)
    expect(world.a.connections).toHaveLength(1)
    await world.pass(2_500)
    expect(world.a.connections).toHaveLength(2)
  })
})

describe('signals of a connection that is gone', () => {
  it('are dropped: a late answer, a late candidate, a late offer', async () => {
    await connected()
    const old = world.all.find(({ signal }) => signal.action === 'offer')!.signal
    world.cut()
    await world.pass(11_000)
    const { current } = world.a
    const applied = current.applied.length
    world.a.mesh.deliver('b', { action: 'answer', sdp: 'late', connection: 'b1' })
    world.a.mesh.deliver('b', { action: 'ice', candidate: { candidate: 'late' }, connection: 'b1' })
    world.a.mesh.deliver('b', old)
    await world.settle()
    expect(world.a.current).toBe(current)
    expect(current.applied).toHaveLength(applied)
    expect(current.candidates).not.toContain('late')
  })

  it('are kept when they come early', async () => {
    await connected()
    world.a.mesh.deliver('b', { action: 'ice', candidate: { candidate: 'early' }, connection: 'b2' })
    expect(world.a.connections).toHaveLength(1)
    world.a.mesh.deliver('b', { action: 'offer', sdp: 'pc-new', connection: 'b2' })
    await world.settle()
    expect(world.a.connections).toHaveLength(2)
    expect(world.a.current.candidates).toEqual(['early'])
  })

  it('of a client without ids are taken as ever', async () => {
    world.open({})
    world.a.mesh.deliver('b', { action: 'offer', sdp: 'pc-old' })
    await world.settle()
    // It knows nothing of screens either, so we offer what it left out.
    expect(world.a.current.applied[0]).toBe('pc-old')
    expect(world.a.connections).toHaveLength(1)
  })
})

it('ends an exchange of candidates with an empty one, once', async () => {
  await connected()
  const before = world.all.length
  for (const candidate of ['c1', '', null]) world.a.current.gather(candidate)
  await world.settle()
  expect(world.all.slice(before).map(({ signal }) => signal)).toMatchObject([
    { action: 'ice', candidate: { candidate: 'c1' }, connection: 'b1' },
    { action: 'ice', candidate: { candidate: '' }, connection: 'b1' },
  ])
  expect(world.b.current.candidates).toEqual(['c1', ''])
})

/** Cuts, restarts and new beginnings from both sides in any order: they agree in the end. */
it.each(Array.from({ length: 100 }, (_, seed) => seed))('finds together again (seed %i)', async (seed) => {
  const random = seeded(seed)
  world.open({ a: random() < 0.5, b: true })
  for (let step = 0; step < 60; step++) {
    const chance = random()
    const side = random() < 0.5 ? world.a : world.b
    if (chance < 0.45) {
      await Promise.resolve()
      world.deliverNext()
    } else if (chance < 0.6) await vi.advanceTimersByTimeAsync(random() * 8_000)
    else if (chance < 0.7) side.current.become(random() < 0.5 ? 'failed' : 'disconnected')
    else if (chance < 0.8) side.mesh.recover(null, random() < 0.5)
    else if (chance < 0.85) world.network = !world.network
    else if (chance < 0.9) side.reachable = !side.reachable
    else world.connect()
  }
  world.network = world.a.reachable = world.b.reachable = true
  await world.settle()
  for (const side of [world.a, world.b]) side.mesh.recover(null, false)
  await world.pass(120_000)
  expect([world.a.current.connectionState, world.b.current.connectionState]).toEqual([
    'connected',
    'connected',
  ])
})

describe('the line', () => {
  it('is shared by all copies, and a shared screen comes before the camera', async () => {
    await connected()
    const limits = () => world.a.current.transceivers.slice(1, 3).map(({ encodings }) => encodings[0])
    expect(limits()).toEqual([cameraBudget(1, false), screenBudget(1)])
    world.a.mesh.setTrack('screen', track('video'))
    expect(limits()).toEqual([cameraBudget(1, true), screenBudget(1)])
    expect(cameraBudget(1, true).maxBitrate).toBeLessThan(screenBudget(1).maxBitrate)
    for (let peers = 1; peers < 8; peers++) {
      const total = peers * (cameraBudget(peers, true).maxBitrate + screenBudget(peers).maxBitrate)
      expect(total).toBeLessThanOrEqual(6_000_000)
      expect(cameraBudget(peers + 1, false).maxBitrate).toBeLessThanOrEqual(
        cameraBudget(peers, false).maxBitrate,
      )
    }
  })

  it('has numbers', async () => {
    await connected()
    world.a.current.reports = [
      { type: 'inbound-rtp', kind: 'audio', mid: '0', bytesReceived: 1_000, jitter: 0.01 },
    ]
    expect((await world.a.mesh.stats(readStats)).get('b')).toMatchObject({ jitterMs: 10, bitrateIn: null })
    world.a.current.reports = [{ type: 'inbound-rtp', kind: 'audio', mid: '0', bytesReceived: 3_000 }]
    await vi.advanceTimersByTimeAsync(2_000)
    expect((await world.a.mesh.stats(readStats)).get('b')).toMatchObject({ bitrateIn: 8_000 })
    expect(world.a.mesh.levels()).toEqual(new Map([['b', 0.5]]))
  })
})
