/** Two meshes with fake peer connections between them, and a network that can be cut. */
import { Mesh } from '@/call/mesh'
import type { PathReport } from '@/call/path-report'
import type { MemberKind, PeerLink, Signal } from '@/call/types'
import { vi } from 'vitest'
import { FakeConnection } from './fake-connection'

/** The media sections of each description, by its text. */
const sections = new Map<string, { mid: string; kind: string; msid: string }[]>()

/** The stream that each media section of a description names, as its `a=msid` line does; "-" for none. */
export function msids(connection: FakePeerConnection): string[] {
  return (sections.get(connection.localDescription?.sdp ?? '') ?? []).map(({ msid }) => msid)
}

class FakeTransceiver {
  mid: string | null = null
  direction: RTCRtpTransceiverDirection = 'sendrecv'
  stopped = false
  /** Whether the mid came with an offer of ours that is not settled. */
  tentative = false
  encodings: RTCRtpEncodingParameters[] = [{}]
  track: MediaStreamTrack | null
  msid: string
  readonly receiver: { track: { kind: string }; getSynchronizationSources: () => { audioLevel: number }[] }
  readonly sender = {
    replaceTrack: async (track: MediaStreamTrack | null) => void (this.track = track),
    getParameters: () => ({ encodings: this.encodings.map((encoding) => ({ ...encoding })) }),
    setParameters: async ({ encodings }: { encodings: RTCRtpEncodingParameters[] }) =>
      void (this.encodings = encodings),
    setStreams: (stream: MediaStream) => void (this.msid = stream.id),
  }

  constructor(kind: string, track: MediaStreamTrack | null, msid = '-') {
    this.msid = msid
    this.receiver = { track: { kind }, getSynchronizationSources: () => [{ audioLevel: 0.5 }] }
    this.track = track
  }

  stop = () => {
    this.stopped = true
  }
}

export class FakePeerConnection extends FakeConnection {
  static count = 0
  connectionState: RTCPeerConnectionState = 'new'
  iceConnectionState: RTCIceConnectionState = 'new'
  readonly transceivers: FakeTransceiver[] = []
  restarts = 0
  config: RTCConfiguration
  reports: object[] = []
  #needQueued = false

  constructor(config: RTCConfiguration) {
    super(`pc${++FakePeerConnection.count}`)
    this.config = config
    const setLocal = this.setLocalDescription
    const setRemote = this.setRemoteDescription
    this.setLocalDescription = async () => {
      if (this.connectionState === 'closed') throw new DOMException('closed', 'InvalidStateError')
      await setLocal()
      this.#describe()
    }
    this.setRemoteDescription = async (init) => {
      if (this.connectionState === 'closed') throw new DOMException('closed', 'InvalidStateError')
      const rollbacks = this.rollbacks
      await setRemote(init)
      if (this.rollbacks > rollbacks) this.#rollBack()
      this.#apply(init.sdp ?? '', init.type)
    }
  }

  addTransceiver = (what: MediaStreamTrack | string, { streams }: RTCRtpTransceiverInit = {}) => {
    const kind = typeof what === 'string' ? what : what.kind
    const transceiver = new FakeTransceiver(kind, typeof what === 'string' ? null : what, streams?.[0]?.id)
    this.transceivers.push(transceiver)
    this.#needSoon()
    return transceiver as unknown as RTCRtpTransceiver
  }

  getTransceivers = () =>
    this.transceivers.filter(({ stopped }) => !stopped) as unknown as RTCRtpTransceiver[]

  restartIce = () => {
    this.restarts++
    this.#needSoon()
  }

  setConfiguration = (config: RTCConfiguration) => void (this.config = config)
  getStats = async () => new Map(this.reports.map((report, index) => [String(index), report]))

  close = () => {
    this.connectionState = 'closed'
    this.signalingState = 'closed'
  }

  become = (state: RTCPeerConnectionState) => {
    if (this.connectionState === 'closed' || this.connectionState === state) return
    this.connectionState = state
    this.iceBecomes(state === 'connecting' ? 'checking' : state)
    this.dispatchEvent(new Event('connectionstatechange'))
  }

  iceBecomes = (state: RTCIceConnectionState) => {
    if (this.iceConnectionState === state) return
    this.iceConnectionState = state
    this.dispatchEvent(new Event('iceconnectionstatechange'))
  }

  /** A STUN or TURN server refused, or did not answer. */
  refuse = (errorCode: number, errorText = '') =>
    this.dispatchEvent(Object.assign(new Event('icecandidateerror'), { errorCode, errorText }))

  /** What is added in one go is offered in one. */
  #needSoon(): void {
    if (this.#needQueued) return
    this.#needQueued = true
    queueMicrotask(() => {
      this.#needQueued = false
      this.need()
    })
  }

  /** Give each transceiver a media section, as an offer or answer does. */
  #describe(): void {
    const offers = this.localDescription?.type === 'offer'
    let next = 1 + Math.max(-1, ...this.transceivers.map(({ mid }) => Number(mid ?? -1)))
    for (const transceiver of this.transceivers) {
      if (transceiver.stopped || transceiver.mid !== null || !offers) continue
      transceiver.mid = String(next++)
      transceiver.tentative = true
    }
    const described = this.transceivers.filter(({ mid }) => mid !== null)
    sections.set(
      this.localDescription?.sdp ?? '',
      described.map(({ mid, receiver, msid }) => ({ mid: mid ?? '', kind: receiver.track.kind, msid })),
    )
  }

  #rollBack(): void {
    for (const transceiver of this.transceivers) {
      if (transceiver.tentative) transceiver.mid = null
      transceiver.tentative = false
    }
  }

  #apply(sdp: string, type: RTCSdpType): void {
    for (const { mid, kind } of sections.get(sdp) ?? []) {
      if (this.transceivers.some((transceiver) => transceiver.mid === mid)) continue
      const transceiver = new FakeTransceiver(kind, null)
      transceiver.mid = mid
      transceiver.direction = 'recvonly'
      this.transceivers.push(transceiver)
    }
    if (type === 'answer') for (const transceiver of this.transceivers) transceiver.tentative = false
  }
}

interface UnderWay {
  readonly to: 'a' | 'b'
  readonly signal: Signal
}

export class FakeSide {
  readonly connections: FakePeerConnection[] = []
  readonly links: PeerLink[] = []
  readonly paths: PathReport[] = []
  readonly mesh: Mesh
  reachable = true

  constructor(name: 'a' | 'b', world: FakeWorld) {
    const other = name === 'a' ? 'b' : 'a'
    let ids = 0
    this.mesh = new Mesh({
      createConnection: (config) => {
        const connection = new FakePeerConnection(config)
        this.connections.push(connection)
        return connection as unknown as RTCPeerConnection
      },
      canReach: () => this.reachable,
      onSignal: (_, signal) => world.send({ to: other, signal }),
      onLink: (_, link) => this.links.push(link),
      onPath: (_, report) => this.paths.push(report),
      onStreams: () => undefined,
      newId: () => `${name}${++ids}`,
      random: () => 0.5,
    })
  }

  get current(): FakePeerConnection {
    return this.connections.at(-1)!
  }
}

/** Member `b` came later than `a` and is the polite one. */
export class FakeWorld {
  readonly a = new FakeSide('a', this)
  readonly b = new FakeSide('b', this)
  readonly underWay: UnderWay[] = []
  readonly all: UnderWay[] = []
  /** Whether media could flow between the two. */
  network = true

  send(signal: UnderWay): void {
    this.underWay.push(signal)
    this.all.push(signal)
  }

  open(who: { a?: boolean; b?: boolean } = { b: true }, kind: MemberKind = 'person'): void {
    this.a.mesh.open('b', { polite: false, initiate: who.a ?? false, kind })
    this.b.mesh.open('a', { polite: true, initiate: who.b ?? false, kind })
  }

  deliverNext(): void {
    const next = this.underWay.shift()
    if (next) this[next.to].mesh.deliver(next.to === 'a' ? 'b' : 'a', next.signal)
  }

  /** Carry all signals to and fro, and connect those that agree. No time passes. */
  async settle(): Promise<void> {
    for (let round = 0; round < 60; round++) {
      await flush()
      if (this.underWay.length === 0) break
      while (this.underWay.length > 0) this.deliverNext()
    }
    this.connect()
    await flush()
  }

  /** Let so much time pass, with all signals carried meanwhile. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      await vi.advanceTimersByTimeAsync(500)
      await this.settle()
    }
  }

  cut(): void {
    this.network = false
    for (const side of [this.a, this.b]) side.current.become('failed')
  }

  get connected(): boolean {
    return this.a.current.connectionState === 'connected' && this.b.current.connectionState === 'connected'
  }

  connect(): void {
    const [one, other] = [this.a.current, this.b.current]
    if (!this.network || !agree(one, other)) return
    one.become('connected')
    other.become('connected')
  }
}

function agree(one: FakePeerConnection, other: FakePeerConnection): boolean {
  return (
    one.signalingState === 'stable' &&
    other.signalingState === 'stable' &&
    one.localDescription !== null &&
    one.localDescription.sdp === other.remoteDescription?.sdp &&
    other.localDescription?.sdp === one.remoteDescription?.sdp
  )
}

export async function flush(): Promise<void> {
  for (let turn = 0; turn < 60; turn++) await Promise.resolve()
}
