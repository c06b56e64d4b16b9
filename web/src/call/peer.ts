/**
 * The media between us and one other member: an RTCPeerConnection, and the next one when it is beyond repair.
 *
 * Each RTCPeerConnection has an id that its signals carry. So an answer or candidate for one that is gone is told apart
 * and dropped, and an offer with a new id says that the other side began anew.
 */
import type { Budget } from './budget'
import type { Counted, Digest, ReadDigest } from './digest'
import { Negotiation } from './negotiation'
import { Pacer } from './pacer'
import { PathWatch, type PathReport } from './path-report'
import { Recovery } from './recovery'
import type { Report } from './selected-pair'
import { Slots, SLOTS, STREAM_OF, type Slot, type StreamName, type Tracks } from './slots'
import type { PeerStats, ReadStats, Totals } from './stats'
import type { PeerLink, Signal } from './types'

export interface PeerOptions {
  readonly polite: boolean
  /** This side makes the first offer. */
  readonly initiate: boolean
  /** The other side never offers: a recorder. */
  readonly passive: boolean
  readonly createConnection: () => RTCPeerConnection
  readonly newId: () => string
  readonly tracks: () => Tracks
  readonly budget: () => { readonly camera: Budget; readonly screen: Budget }
  readonly canReach: () => boolean
  readonly onSignal: (signal: Signal) => void
  readonly onLink: (link: PeerLink) => void
  readonly onPath: (report: PathReport) => void
  readonly random: () => number
  readonly now: () => number
}

/** The newcomer makes the first offer; if it never comes, we make it. */
const WAIT_FOR_OFFER_MS = 5_000
/** Candidates may overtake their offer, but not by so many. */
const MOST_EARLY = 128
const MOST_RETIRED = 32

export class Peer {
  readonly #options: PeerOptions
  readonly #recovery: Recovery
  readonly #pacer: Pacer
  readonly #streams: Readonly<Record<StreamName, MediaStream>> = {
    camera: new MediaStream(),
    screen: new MediaStream(),
  }
  #id: string
  #connection: RTCPeerConnection
  #negotiation: Negotiation
  #path: PathWatch
  #slots: Slots
  /** Whether the other side ever described its end of this RTCPeerConnection. */
  #paired = false
  #connected = false
  readonly #retired: string[] = []
  #early: Signal[] = []
  #totals: Totals | null = null
  /** What was counted at the last digest; null before media ever flowed. */
  #counted: Counted | null = null
  #offerTimer: ReturnType<typeof setTimeout> | undefined

  constructor(options: PeerOptions) {
    this.#options = options
    this.#recovery = new Recovery({
      leads: !options.polite || options.passive,
      canReach: options.canReach,
      restart: () => {
        this.#path.restarting()
        this.#connection.restartIce()
      },
      rebuild: () => this.#rebuild(options.newId(), true),
      random: options.random,
      now: options.now,
    })
    this.#pacer = new Pacer(options.onPath)
    this.#id = options.newId()
    this.#connection = this.#options.createConnection()
    this.#slots = new Slots(this.#connection)
    this.#path = this.#watch()
    this.#negotiation = this.#negotiate()
    if (options.initiate) this.#offer()
    else this.#offerLater()
  }

  stream(name: StreamName): MediaStream {
    return this.#streams[name]
  }

  /** Loudness of the microphone, 0 to 1, as the last packets tell (RFC 6464). */
  level(): number {
    const sources = this.#slots.get('audio')?.receiver.getSynchronizationSources() ?? []
    return Math.max(0, ...sources.map((source) => source.audioLevel ?? 0))
  }

  send(slot: Slot, track: MediaStreamTrack | null): void {
    this.#slots.send(slot, track)
  }

  configure(config: RTCConfiguration): void {
    // Counts from the next ICE restart on.
    this.#connection.setConfiguration(config)
  }

  /** Look for a new path; `all`: even where the present one seems to work. */
  recover(all: boolean): void {
    this.#recovery.kick(all)
  }

  applyBudget(): void {
    const { camera, screen } = this.#options.budget()
    this.#slots.limit('video', camera)
    this.#slots.limit('screen', screen)
  }

  deliver(signal: Signal): void {
    const { connection: id } = signal
    if (id === undefined || id === this.#id) void this.#negotiation.receive(signal)
    else if (this.#retired.includes(id)) return
    else if (signal.action === 'offer') this.#onOfferOfAnother(id, signal)
    else if (signal.action === 'ice' && this.#early.length < MOST_EARLY) this.#early.push(signal)
  }

  /** Measure since the last question. */
  async stats(read: ReadStats): Promise<PeerStats> {
    const reports = await this.#readReports()
    const { stats, totals } = read(reports, this.#mids(), this.#totals, this.#options.now())
    this.#totals = totals
    return stats
  }

  /** Measure since the last digest, whoever asked for `stats` meanwhile; null while nothing can flow. */
  async digest(read: ReadDigest): Promise<Digest | null> {
    const connection = this.#connection
    if (connection.connectionState !== 'connected') return null
    const reports = await this.#readReports()
    if (connection !== this.#connection || !this.#counted) return null
    const { digest, counted } = read(reports, this.#mids(), this.#counted, this.#options.now())
    this.#counted = counted
    return digest
  }

  close(): void {
    clearTimeout(this.#offerTimer)
    this.#recovery.close()
    this.#path.close()
    this.#pacer.close()
    this.#negotiation.close()
    this.#connection.close()
  }

  #onOfferOfAnother(id: string, signal: Signal): void {
    if (this.#paired) {
      this.#rebuild(id, false)
    } else if (this.#negotiation.offering && !this.#options.polite) {
      // Both began at once: ours stands, and the other side comes over to it.
      this.#retire(id)
      return
    } else {
      this.#retire(this.#id)
      this.#id = id
    }
    void this.#negotiation.receive(signal)
    const early = this.#early
    this.#early = []
    for (const candidate of early) this.deliver(candidate)
  }

  #rebuild(id: string, initiate: boolean): void {
    clearTimeout(this.#offerTimer)
    this.#retire(this.#id)
    this.#path.tellIfOpen()
    this.#path.close()
    this.#negotiation.close()
    this.#connection.close()
    this.#id = id
    this.#paired = false
    this.#totals = null
    this.#counted = null
    this.#connection = this.#options.createConnection()
    this.#slots = new Slots(this.#connection)
    this.#path = this.#watch()
    this.#negotiation = this.#negotiate()
    if (initiate) this.#path.tell('rebuild')
    if (this.#connected) this.#say('lost')
    this.#recovery.rebuilt()
    if (initiate) this.#offer()
  }

  #watch(): PathWatch {
    return new PathWatch(this.#connection, {
      id: () => this.#id,
      onReport: (report) => this.#pacer.push(report),
      now: this.#options.now,
    })
  }

  #negotiate(): Negotiation {
    const [connection, path] = [this.#connection, this.#path]
    connection.addEventListener('connectionstatechange', () => {
      if (connection === this.#connection) this.#onConnectionState(connection.connectionState)
    })
    return new Negotiation({
      connection,
      polite: this.#options.polite,
      send: (signal) => {
        if (signal.action === 'offer') path.offered()
        this.#options.onSignal({ ...signal, connection: this.#id })
      },
      onRemoteDescription: (type) => {
        if (connection !== this.#connection) return
        path.described(type)
        this.#onRemoteDescription()
      },
      onRemoteCandidate: (candidate) => path.added(candidate),
      // Glare and a closing peer may leave a refused description behind; the link state tells if it matters.
      onError: (error) => console.warn('negotiation', error instanceof Error ? error.name : error),
    })
  }

  #offerLater(): void {
    this.#offerTimer = setTimeout(() => {
      if (this.#options.canReach()) this.#offer()
      else this.#offerLater()
    }, WAIT_FOR_OFFER_MS)
  }

  #offer(): void {
    this.#slots.offer(this.#options.tracks())
  }

  #onRemoteDescription(): void {
    clearTimeout(this.#offerTimer)
    this.#paired = true
    this.#recovery.described()
    this.#slots.adopt(this.#options.tracks())
    // Whatever the offer left out, we offer next.
    this.#offer()
    this.#collectTracks()
    this.applyBudget()
  }

  /** The streams stay the same objects, so that a picture on the screen goes on; their tracks come and go. */
  #collectTracks(): void {
    for (const slot of SLOTS) {
      const track = this.#slots.get(slot)?.receiver.track
      const stream = this.#streams[STREAM_OF[slot]]
      if (!track || stream.getTracks().includes(track)) continue
      for (const old of stream.getTracks()) if (old.kind === track.kind) stream.removeTrack(old)
      stream.addTrack(track)
    }
  }

  #onConnectionState(state: RTCPeerConnectionState): void {
    if (state === 'connected') {
      this.#counted ??= { at: this.#options.now(), counts: {} }
      this.#say('connected')
    } else if (state === 'disconnected' || state === 'failed') this.#say('lost')
    this.#recovery.changed(state)
  }

  async #readReports(): Promise<readonly Report[]> {
    return [...(await this.#connection.getStats()).values()] as Report[]
  }

  #mids() {
    return {
      camera: this.#slots.get('video')?.mid ?? null,
      screen: this.#slots.get('screen')?.mid ?? null,
    }
  }

  #say(link: PeerLink): void {
    this.#connected = link === 'connected'
    this.#options.onLink(link)
  }

  #retire(id: string): void {
    this.#retired.push(id)
    if (this.#retired.length > MOST_RETIRED) this.#retired.shift()
    this.#early = this.#early.filter(({ connection }) => connection !== id)
  }
}
