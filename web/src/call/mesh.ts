/** One peer per other member, opened and closed by the effects of the call. */
import type { IceServer, PeerStats as PeerDigest } from '@/protocol/messages'
import { randomId } from '@/lib/storage'
import { cameraBudget, screenBudget } from './budget'
import type { ReadDigest } from './digest'
import type { PathReport } from './path-report'
import { Peer } from './peer'
import type { Slot, StreamName, Tracks } from './slots'
import type { PeerStats, ReadStats } from './stats'
import type { CallEffect, MemberKind, PeerLink, Signal } from './types'

export interface MeshOptions {
  readonly createConnection: (config: RTCConfiguration) => RTCPeerConnection
  /** Whether a signal would reach this member now. */
  readonly canReach: (clientId: string) => boolean
  readonly onSignal: (clientId: string, signal: Signal) => void
  readonly onLink: (clientId: string, link: PeerLink) => void
  readonly onPath: (clientId: string, report: PathReport) => void
  /** The set of remote streams changed. */
  readonly onStreams: () => void
  readonly newId?: () => string
  readonly random?: () => number
  readonly now?: () => number
}

interface Opening {
  readonly polite: boolean
  readonly initiate: boolean
  readonly kind: MemberKind
}

export type PeerEffect = Extract<
  CallEffect,
  { type: 'configurePeers' | 'openPeer' | 'closePeer' | 'closePeers' | 'recoverPeers' | 'deliver' }
>

export class Mesh {
  readonly #options: MeshOptions
  readonly #peers = new Map<string, Peer>()
  #tracks: Tracks = { audio: null, video: null, screen: null, screenAudio: null }
  #config: RTCConfiguration = {}

  constructor(options: MeshOptions) {
    this.#options = options
  }

  run(effect: PeerEffect): void {
    switch (effect.type) {
      case 'configurePeers':
        return this.configure(effect.iceServers)
      case 'openPeer':
        return this.open(effect.clientId, effect)
      case 'closePeer':
        return this.close(effect.clientId)
      case 'closePeers':
        return this.closeAll()
      case 'recoverPeers':
        return this.recover(effect.clientId, effect.all)
      case 'deliver':
        return this.deliver(effect.from, effect.signal)
    }
  }

  /** Use these servers from now on: for new connections, and for those there are from their next ICE restart on. */
  configure(iceServers: readonly IceServer[]): void {
    this.#config = { iceServers: iceServers.map((server) => ({ ...server })), bundlePolicy: 'max-bundle' }
    for (const peer of this.#peers.values()) peer.configure(this.#config)
  }

  /** Send this track to everyone from now on; null sends nothing. No renegotiation is needed. */
  setTrack(slot: Slot, track: MediaStreamTrack | null): void {
    if (this.#tracks[slot] === track) return
    this.#tracks = { ...this.#tracks, [slot]: track }
    for (const peer of this.#peers.values()) peer.send(slot, track)
    this.#shareBudget()
  }

  open(clientId: string, { polite, initiate, kind }: Opening): void {
    this.#remove(clientId)
    const { newId = randomId, random = Math.random, now = Date.now } = this.#options
    const peer = new Peer({
      polite,
      initiate,
      passive: kind === 'recorder',
      createConnection: () => this.#options.createConnection(this.#config),
      newId,
      tracks: () => this.#tracks,
      budget: () => this.#budget(),
      canReach: () => this.#options.canReach(clientId),
      onSignal: (signal) => this.#options.onSignal(clientId, signal),
      onLink: (link) => this.#options.onLink(clientId, link),
      onPath: (report) => this.#options.onPath(clientId, report),
      random,
      now,
    })
    this.#peers.set(clientId, peer)
    this.#changed()
  }

  close(clientId: string): void {
    if (this.#remove(clientId)) this.#changed()
  }

  closeAll(): void {
    for (const clientId of [...this.#peers.keys()]) this.close(clientId)
  }

  /** Look for new paths to one member, or to all (null); `all`: even where the present one seems to work. */
  recover(clientId: string | null, all: boolean): void {
    for (const [id, peer] of this.#peers) if (clientId === null || clientId === id) peer.recover(all)
  }

  deliver(from: string, signal: Signal): void {
    this.#peers.get(from)?.deliver(signal)
  }

  streams(name: StreamName): ReadonlyMap<string, MediaStream> {
    return new Map([...this.#peers].map(([clientId, peer]) => [clientId, peer.stream(name)]))
  }

  /** Loudness of each member, 0 to 1; costs no audio processing. */
  levels(): ReadonlyMap<string, number> {
    return new Map([...this.#peers].map(([clientId, peer]) => [clientId, peer.level()]))
  }

  /** Ask each browser-side connection for numbers; one that is closed meanwhile has none. */
  async stats(read: ReadStats): Promise<ReadonlyMap<string, PeerStats>> {
    const stats = new Map<string, PeerStats>()
    const ask = async ([clientId, peer]: [string, Peer]) => {
      const answer = await peer.stats(read).catch(() => null)
      if (answer) stats.set(clientId, answer)
    }
    await Promise.all([...this.#peers].map(ask))
    return stats
  }

  /** Measure each connection since the last digest, apart from `stats`. */
  async digest(read: ReadDigest): Promise<readonly PeerDigest[]> {
    const ask = async ([clientId, peer]: [string, Peer]) => {
      const digest = await peer.digest(read).catch(() => null)
      return digest && this.#peers.get(clientId) === peer ? { clientId, ...digest } : null
    }
    return (await Promise.all([...this.#peers].map(ask))).filter((digest) => digest !== null)
  }

  #remove(clientId: string): boolean {
    this.#peers.get(clientId)?.close()
    return this.#peers.delete(clientId)
  }

  #changed(): void {
    this.#options.onStreams()
    this.#shareBudget()
  }

  #budget() {
    const copies = this.#peers.size
    return { camera: cameraBudget(copies, this.#tracks.screen !== null), screen: screenBudget(copies) }
  }

  #shareBudget(): void {
    for (const peer of this.#peers.values()) peer.applyBudget()
  }
}
