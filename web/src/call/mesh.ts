/** One peer connection per other member, opened and closed by the effects of the call. */
import type { IceServer } from '@/protocol/messages'
import { Negotiation } from './negotiation'
import type { PeerLink, Signal } from './types'

export type TrackKind = 'audio' | 'video'

export interface MeshOptions {
  readonly createConnection: (config: RTCConfiguration) => RTCPeerConnection
  readonly onSignal: (clientId: string, signal: Signal) => void
  readonly onLink: (clientId: string, link: PeerLink) => void
  /** The set of remote streams changed. */
  readonly onStreams: () => void
}

interface Peer {
  readonly connection: RTCPeerConnection
  readonly negotiation: Negotiation
  /** Stays the same object for the life of the peer; its tracks come and go. */
  readonly stream: MediaStream
  readonly transceivers: Partial<Record<TrackKind, RTCRtpTransceiver>>
  timer: ReturnType<typeof setTimeout> | undefined
}

const KINDS: readonly TrackKind[] = ['audio', 'video']
/** The newcomer makes the first offer; if it never comes, we make it. */
const WAIT_FOR_OFFER_MS = 5_000
/** A lost path often heals by itself; after this we look for another. */
const WAIT_FOR_PATH_MS = 4_000

/** Bits per second for each copy of our picture, by the number of peers it goes to. */
function videoBudget(peers: number): { maxBitrate: number; scaleResolutionDownBy: number } {
  if (peers <= 1) return { maxBitrate: 2_000_000, scaleResolutionDownBy: 1 }
  if (peers === 2) return { maxBitrate: 1_200_000, scaleResolutionDownBy: 1 }
  if (peers <= 4) return { maxBitrate: 600_000, scaleResolutionDownBy: 2 }
  return { maxBitrate: 350_000, scaleResolutionDownBy: 2 }
}

export class Mesh {
  readonly #options: MeshOptions
  readonly #peers = new Map<string, Peer>()
  readonly #tracks: Record<TrackKind, MediaStreamTrack | null> = { audio: null, video: null }
  #config: RTCConfiguration = {}

  constructor(options: MeshOptions) {
    this.#options = options
  }

  configure(iceServers: readonly IceServer[]): void {
    this.#config = { iceServers: iceServers.map((server) => ({ ...server })), bundlePolicy: 'max-bundle' }
  }

  /** Send this track to everyone from now on; null sends nothing. No renegotiation is needed. */
  setTrack(kind: TrackKind, track: MediaStreamTrack | null): void {
    this.#tracks[kind] = track
    for (const peer of this.#peers.values()) {
      void peer.transceivers[kind]?.sender.replaceTrack(track).catch(() => undefined)
    }
  }

  open(clientId: string, { polite, initiate }: { polite: boolean; initiate: boolean }): void {
    this.close(clientId)
    const connection = this.#options.createConnection(this.#config)
    const stream = new MediaStream()
    const peer: Peer = {
      connection,
      stream,
      transceivers: {},
      timer: undefined,
      negotiation: new Negotiation({
        connection,
        polite,
        send: (signal) => this.#options.onSignal(clientId, signal),
        onRemoteDescription: () => this.#adopt(peer),
        // Glare and a closing peer may leave a refused description behind; the link state tells if it matters.
        onError: (error) => console.warn('negotiation', error instanceof Error ? error.name : error),
      }),
    }
    this.#peers.set(clientId, peer)
    connection.addEventListener('connectionstatechange', () => this.#onConnectionState(clientId, peer))
    if (initiate) this.#offerMedia(peer)
    else peer.timer = setTimeout(() => this.#offerMedia(peer), WAIT_FOR_OFFER_MS)
    this.#options.onStreams()
    this.#shareBudget()
  }

  close(clientId: string): void {
    const peer = this.#peers.get(clientId)
    if (!peer) return
    this.#peers.delete(clientId)
    clearTimeout(peer.timer)
    peer.negotiation.close()
    peer.connection.close()
    this.#options.onStreams()
    this.#shareBudget()
  }

  closeAll(): void {
    for (const clientId of [...this.#peers.keys()]) this.close(clientId)
  }

  deliver(from: string, signal: Signal): void {
    void this.#peers.get(from)?.negotiation.receive(signal)
  }

  streams(): ReadonlyMap<string, MediaStream> {
    return new Map([...this.#peers].map(([clientId, peer]) => [clientId, peer.stream]))
  }

  /** Loudness of each member, 0 to 1, as the last packets tell (RFC 6464); costs no audio processing. */
  levels(): ReadonlyMap<string, number> {
    const levels = new Map<string, number>()
    for (const [clientId, peer] of this.#peers) {
      const sources = peer.transceivers.audio?.receiver.getSynchronizationSources() ?? []
      levels.set(clientId, Math.max(0, ...sources.map((source) => source.audioLevel ?? 0)))
    }
    return levels
  }

  /** Offer one transceiver per kind, with or without a track, so that a device can be added later at once. */
  #offerMedia(peer: Peer): void {
    for (const kind of KINDS) {
      if (peer.transceivers[kind] || peer.connection.signalingState === 'closed') continue
      const transceiver = peer.connection.addTransceiver(this.#tracks[kind] ?? kind, {
        direction: 'sendrecv',
      })
      peer.transceivers[kind] = transceiver
    }
  }

  /** Take the transceivers of a remote description as ours, so that a pair never has two per kind. */
  #adopt(peer: Peer): void {
    clearTimeout(peer.timer)
    for (const kind of KINDS) {
      const own = peer.transceivers[kind]
      if (own?.mid != null) continue
      const offered = peer.connection
        .getTransceivers()
        .find((candidate) => candidate.mid !== null && candidate.receiver.track.kind === kind)
      if (!offered) continue
      // After glare our own, rolled back, hangs in the air: a remote offer only joins transceivers of addTrack.
      if (own && own !== offered) own.stop()
      peer.transceivers[kind] = offered
      offered.direction = 'sendrecv'
      void offered.sender.replaceTrack(this.#tracks[kind]).catch(() => undefined)
    }
    // Whatever the offer left out, we offer next.
    this.#offerMedia(peer)
    this.#collectTracks(peer)
    this.#shareBudget()
  }

  #collectTracks(peer: Peer): void {
    for (const kind of KINDS) {
      const track = peer.transceivers[kind]?.receiver.track
      if (!track || peer.stream.getTracks().includes(track)) continue
      for (const old of peer.stream.getTracks()) if (old.kind === kind) peer.stream.removeTrack(old)
      peer.stream.addTrack(track)
    }
  }

  #onConnectionState(clientId: string, peer: Peer): void {
    if (this.#peers.get(clientId) !== peer) return
    const state = peer.connection.connectionState
    if (state === 'connected') {
      clearTimeout(peer.timer)
      this.#options.onLink(clientId, 'connected')
    } else if (state === 'disconnected') {
      this.#options.onLink(clientId, 'lost')
      clearTimeout(peer.timer)
      peer.timer = setTimeout(() => peer.connection.restartIce(), WAIT_FOR_PATH_MS)
    } else if (state === 'failed') {
      this.#options.onLink(clientId, 'lost')
      clearTimeout(peer.timer)
      peer.connection.restartIce()
    } else if (state === 'connecting') {
      this.#options.onLink(clientId, 'connecting')
    }
  }

  #shareBudget(): void {
    const budget = videoBudget(this.#peers.size)
    for (const { transceivers } of this.#peers.values()) {
      const sender = transceivers.video?.sender
      const parameters = sender?.getParameters()
      const encoding = parameters?.encodings[0]
      if (!sender || !parameters || !encoding || encoding.maxBitrate === budget.maxBitrate) continue
      Object.assign(encoding, budget)
      void sender.setParameters(parameters).catch(() => undefined)
    }
  }
}
