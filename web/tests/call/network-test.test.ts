import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  judge,
  LEG_TIMEOUT_MS,
  planLegs,
  runNetworkTest,
  transportOf,
  type Leg,
  type LegKind,
  type LegState,
  type Verdict,
} from '@/call/network-test'
import type { IceServer } from '@/protocol/messages'
import { describeState, describeVerdict, nameLeg } from '@/features/network-test/words'

const STUN = 'stun:turn.example.org'
const UDP = 'turn:turn.example.org?transport=udp'
const TCP = 'turn:turn.example.org?transport=tcp'
const TLS = 'turns:turn.example.org'
const SERVERS: IceServer[] = [{ urls: [STUN] }, { urls: [UDP, TCP, TLS], username: 'u', credential: 'c' }]

/** What a server at an address does: gives a candidate, tells nothing new, answers with an error, or stays silent. */
type Behaviour =
  'answers' | 'tellsNothingNew' | 'silent' | { readonly errorCode: number; readonly errorText?: string }
interface Network {
  readonly at: Readonly<Record<string, Behaviour>>
  /** Whether relays reach each other. */
  readonly relays: boolean
}

class FakeChannel {
  onopen: (() => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  peer: FakeChannel | null = null
  send(data: string) {
    queueMicrotask(() => this.peer?.onmessage?.({ data }))
  }
}

class FakePeer {
  static opened: FakePeer[] = []
  readonly config: RTCConfiguration
  readonly #network: Network
  closed = false
  connectionState = 'new'
  localDescription: object | null = null
  remoteDescription: object | null = null
  channel: FakeChannel | null = null
  onicecandidate: ((event: { candidate: object | null }) => void) | null = null
  onicecandidateerror: ((event: { errorCode: number; errorText: string }) => void) | null = null
  ondatachannel: ((event: { channel: FakeChannel }) => void) | null = null
  onconnectionstatechange: (() => void) | null = null
  onsignalingstatechange: (() => void) | null = null
  readonly received: object[] = []

  constructor(config: RTCConfiguration, network: Network) {
    this.config = config
    this.#network = network
    FakePeer.opened.push(this)
  }

  get urls(): string[] {
    return (this.config.iceServers ?? []).flatMap(({ urls }) => urls)
  }

  createDataChannel() {
    return (this.channel = new FakeChannel())
  }

  async setLocalDescription() {
    this.localDescription = { owner: this }
    queueMicrotask(() => this.#gather())
  }

  async setRemoteDescription(description: object) {
    this.remoteDescription = description
    this.onsignalingstatechange?.()
  }

  async addIceCandidate(candidate: object) {
    this.received.push(candidate)
    const { owner } = this.remoteDescription as { owner: FakePeer }
    if (!this.#network.relays || !this.channel || !owner.ondatachannel) return
    const [near, far] = [this.channel, new FakeChannel()]
    near.peer = far
    far.peer = near
    owner.ondatachannel({ channel: far })
    near.onopen?.()
  }

  close() {
    this.closed = true
  }

  #gather() {
    for (const url of this.urls) {
      const behaviour = this.#network.at[url]
      if (behaviour === 'silent' || behaviour === undefined) return
      if (behaviour === 'answers') {
        const type = url.startsWith('stun') ? 'srflx' : 'relay'
        this.onicecandidate?.({ candidate: { candidate: `candidate:1 typ ${type}`, type } })
      } else if (behaviour !== 'tellsNothingNew') this.onicecandidateerror?.({ errorText: '', ...behaviour })
    }
    this.onicecandidate?.({ candidate: null })
  }
}

const ALL_WELL: Network = {
  at: { [STUN]: 'answers', [UDP]: 'answers', [TCP]: 'answers', [TLS]: 'answers' },
  relays: true,
}

interface Surroundings {
  network?: Network
  openSocket?: () => Promise<void>
  readServers?: () => Promise<readonly IceServer[]>
}

/** Run the test, letting time pass until it ends. */
async function run({ network = ALL_WELL, openSocket, readServers }: Surroundings = {}) {
  const seen: (readonly Leg[])[] = []
  const ended = runNetworkTest({
    openSocket: openSocket ?? (async () => undefined),
    readServers: readServers ?? (async () => SERVERS),
    createConnection: (config) => new FakePeer(config, network) as unknown as RTCPeerConnection,
    now: () => Date.now(),
    onChange: (legs) => seen.push(legs),
    signal: new AbortController().signal,
  })
  await vi.advanceTimersByTimeAsync(LEG_TIMEOUT_MS * 8)
  return { legs: await ended, seen }
}

const states = (legs: readonly Leg[]) =>
  Object.fromEntries(legs.map(({ kind, state, fault }) => [kind, fault ?? state]))

beforeEach(() => {
  vi.useFakeTimers()
  FakePeer.opened = []
})
afterEach(() => vi.useRealTimers())

describe('the plan', () => {
  it('has a leg for STUN, one for each way to a relay, and the loop', () => {
    expect(planLegs(SERVERS).map(({ kind, url }) => [kind, url])).toEqual([
      ['stun', STUN],
      ['udp', UDP],
      ['tcp', TCP],
      ['tls', TLS],
      ['loop', null],
    ])
  })

  it('has no loop without relays', () => {
    expect(planLegs([{ urls: [STUN, 'stun:other.example.org'] }]).map(({ kind }) => kind)).toEqual(['stun'])
    expect(planLegs([])).toEqual([])
  })

  it('knows the ways to a relay', () => {
    expect(transportOf('turn:a.example')).toBe('udp')
    expect(transportOf('turn:a.example:3478?transport=udp')).toBe('udp')
    expect(transportOf('turn:a.example?transport=tcp')).toBe('tcp')
    expect(transportOf('turns:a.example?transport=tcp')).toBe('tls')
  })
})

describe('the walk', () => {
  it('passes every leg where all is well, and closes what it opened', async () => {
    const { legs } = await run()
    expect(legs.map(({ state }) => state)).toEqual(Array(7).fill('passed'))
    expect(judge(legs)).toBe('good')
    expect(FakePeer.opened).toHaveLength(6)
    expect(FakePeer.opened.every(({ closed }) => closed)).toBe(true)
  })

  it('tries one address at a time, relays with relays only and their credentials', async () => {
    await run()
    const tried = FakePeer.opened.map(({ urls, config }) => [urls, config.iceTransportPolicy])
    expect(tried.slice(0, 4)).toEqual([
      [[STUN], undefined],
      [[UDP], 'relay'],
      [[TCP], 'relay'],
      [[TLS], 'relay'],
    ])
    expect(FakePeer.opened[1]?.config.iceServers).toEqual([{ urls: [UDP], username: 'u', credential: 'c' }])
    expect(tried.slice(4)).toEqual(Array(2).fill([[UDP, TCP, TLS], 'relay']))
  })

  it('tells each change as it goes', async () => {
    const { seen } = await run()
    expect(seen[0]?.map(({ state }) => state)).toEqual(['running', 'waiting'])
    expect(seen.some((legs) => legs[3]?.state === 'running' && legs[4]?.state === 'waiting')).toBe(true)
  })

  it('stops where the server cannot be reached', async () => {
    const { legs } = await run({ openSocket: () => Promise.reject(new Error('no')) })
    expect(states(legs)).toEqual({ signaling: 'unreachable', servers: 'passed' })
    expect(judge(legs)).toBe('noSignaling')
    expect(FakePeer.opened).toEqual([])
  })

  it('gives a socket that never opens up', async () => {
    const { legs } = await run({ openSocket: () => new Promise(() => undefined) })
    expect(legs[0]).toMatchObject({ state: 'failed', fault: 'timeout' })
  })

  it('says when the list of servers does not come', async () => {
    const { legs } = await run({ readServers: () => Promise.reject(new Error('no')) })
    expect(judge(legs)).toBe('noServers')
  })

  it('names UDP when only that is blocked, and loops through the rest', async () => {
    const { legs } = await run({
      network: { ...ALL_WELL, at: { ...ALL_WELL.at, [UDP]: { errorCode: 701 } } },
    })
    expect(states(legs)).toMatchObject({ udp: 'unreachable', tcp: 'passed', tls: 'passed', loop: 'passed' })
    expect(judge(legs)).toBe('noUdp')
    expect(FakePeer.opened.at(-1)?.urls).toEqual([TCP, TLS])
  })

  it('waits for a silent server only so long', async () => {
    const { legs } = await run({ network: { ...ALL_WELL, at: { ...ALL_WELL.at, [TLS]: 'silent' } } })
    expect(states(legs)).toMatchObject({ tls: 'timeout', loop: 'passed' })
    expect(judge(legs)).toBe('someRelaysFail')
    expect(FakePeer.opened.every(({ closed }) => closed)).toBe(true)
  })

  it('tells a refusal from silence, and does not loop without a relay', async () => {
    const refused = { errorCode: 401 }
    const at = { [STUN]: 'answers', [UDP]: refused, [TCP]: refused, [TLS]: refused } as const
    const { legs } = await run({ network: { at, relays: true } })
    expect(states(legs)).toMatchObject({ udp: 'refused', tls: 'refused', loop: 'skipped' })
    expect(judge(legs)).toBe('relaysRefused')
  })

  it('notices relays that lead nowhere', async () => {
    const { legs } = await run({ network: { ...ALL_WELL, relays: false } })
    expect(states(legs)).toMatchObject({ tls: 'passed', loop: 'timeout' })
    expect(judge(legs)).toBe('relayLeadsNowhere')
  })

  it('takes no news from STUN as good news on the open network, but not after an error', async () => {
    const servers = [{ urls: ['stun:open.example.org'] }]
    const judgeStun = async (stun: Behaviour) => {
      const network = { at: { 'stun:open.example.org': stun }, relays: false }
      return judge((await run({ network, readServers: async () => servers })).legs)
    }
    expect(await judgeStun('tellsNothingNew')).toBe('noRelaysConfigured')
    expect(await judgeStun({ errorCode: 701 })).toBe('noStun')
    const errorText = 'Address not associated with the desired network interface.'
    expect(await judgeStun({ errorCode: 701, errorText })).toBe('noRelaysConfigured')
  })

  it('ends when it is told to, and says nothing after that', async () => {
    const abort = new AbortController()
    const seen: (readonly Leg[])[] = []
    const ended = runNetworkTest({
      openSocket: async () => undefined,
      readServers: async () => SERVERS,
      createConnection: (config) =>
        new FakePeer(config, { at: {}, relays: false }) as unknown as RTCPeerConnection,
      now: () => Date.now(),
      onChange: (legs) => seen.push(legs),
      signal: abort.signal,
    })
    await vi.advanceTimersByTimeAsync(1)
    const told = seen.length
    abort.abort()
    await ended
    expect(seen).toHaveLength(told)
    expect(FakePeer.opened).toHaveLength(1)
    expect(FakePeer.opened[0]?.closed).toBe(true)
  })
})

const leg = (kind: LegKind, state: LegState): Leg => ({
  kind,
  url: null,
  state,
  ms: null,
  fault: state === 'failed' ? 'unreachable' : null,
})

describe('the verdict', () => {
  const ok = [leg('signaling', 'passed'), leg('servers', 'passed')]

  it.each<[Verdict, ...[LegKind, LegState][]]>([
    ['nothingGetsOut', ['stun', 'failed'], ['udp', 'failed'], ['loop', 'skipped']],
    ['noRelay', ['stun', 'passed'], ['udp', 'failed'], ['tls', 'failed'], ['loop', 'skipped']],
    ['noStun', ['stun', 'failed'], ['udp', 'passed'], ['loop', 'passed']],
    ['noUdp', ['stun', 'failed'], ['udp', 'failed'], ['tls', 'passed'], ['loop', 'passed']],
    ['noRelaysConfigured', ['stun', 'passed']],
    ['noRelaysConfigured'],
    ['good', ['udp', 'passed'], ['loop', 'passed']],
  ])('%s', (verdict, ...legs) => {
    expect(judge([...ok, ...legs.map(([kind, state]) => leg(kind, state))])).toBe(verdict)
  })

  it('has words for everything', () => {
    expect(describeVerdict('nothingGetsOut').tone).toBe('bad')
    expect(nameLeg(leg('tls', 'waiting'))).toBe('Relay over TLS')
    expect(describeState({ ...leg('tls', 'passed'), ms: 12 })).toBe('Works, 12 ms')
    expect(describeState({ ...leg('tls', 'failed'), fault: 'refused' })).toBe('Refused')
    expect(describeState(leg('loop', 'skipped'))).toBe('Not tested')
  })
})
