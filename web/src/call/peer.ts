/**
 * The media between us and one other member: an RTCPeerConnection, and the next one when it is beyond repair.
 *
 * Each RTCPeerConnection has an id that its signals carry. So an answer or candidate for one that is gone is told apart
 * and dropped, and an offer with a new id says that the other side began anew.
 */
import type { Budget } from './budget'
import { Negotiation } from './negotiation'
import { Recovery } from './recovery'
import { Slots, SLOTS, STREAM_OF, type Slot, type StreamName, type Tracks } from './slots'
import { readStats, type PeerStats, type Totals } from './stats'
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
  readonly #streams: Readonly<Record<StreamName, MediaStream>> = {
    camera: new MediaStream(),
    screen: new MediaStream(),
  }
  #id: string
  #connection: RTCPeerConnection
  #negotiation: Negotiation
  #slots: Slots
  /** Whether the other side ever described its end of this RTCPeerConnection. */
  #paired = false
  #connected = false
  readonly #retired: string[] = []
  #early: Signal[] = []
  #totals: Totals | null = null
  #offerTimer: ReturnType<typeof setTimeout> | undefined

  constructor(options: PeerOptions) {
    this.#options = options
    this.#recovery = new Recovery({
      leads: !options.polite || options.passive,
      canReach: options.canReach,
      restart: () => this.#connection.restartIce(),
      rebuild: () => this.#rebuild(options.newId(), true),
      random: options.random,
      now: options.now,
    })
    this.#id = options.newId()
    this.#connection = this.#options.createConnection()
    this.#slots = new Slots(this.#connection)
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

  async stats(): Promise<PeerStats> {
    const reports = [...(await this.#connection.getStats()).values()] as Record<string, unknown>[]
    const mids = {
      camera: this.#slots.get('video')?.mid ?? null,
      screen: this.#slots.get('screen')?.mid ?? null,
    }
    const { stats, totals } = readStats(reports, mids, this.#totals, this.#options.now())
    this.#totals = totals
    return stats
  }

  close(): void {
    clearTimeout(this.#offerTimer)
    this.#recovery.close()
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
    this.#negotiation.close()
    this.#connection.close()
    this.#id = id
    this.#paired = false
    this.#totals = null
    this.#connection = this.#options.createConnection()
    this.#slots = new Slots(this.#connection)
    this.#negotiation = this.#negotiate()
    if (this.#connected) this.#say('lost')
    this.#recovery.rebuilt()
    if (initiate) this.#offer()
  }

  #negotiate(): Negotiation {
    const connection = this.#connection
    connection.addEventListener('connectionstatechange', () => {
      if (connection === this.#connection) this.#onConnectionState(connection.connectionState)
    })
    return new Negotiation({
      connection,
      polite: this.#options.polite,
      send: (signal) => this.#options.onSignal({ ...signal, connection: this.#id }),
      onRemoteDescription: () => {
        if (connection === this.#connection) this.#onRemoteDescription()
      },
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
    if (state === 'connected') this.#say('connected')
    else if (state === 'disconnected' || state === 'failed') this.#say('lost')
    this.#recovery.changed(state)
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
