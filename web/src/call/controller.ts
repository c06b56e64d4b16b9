/** Runs one call: feeds events to the reducer and carries out the effects it asks for. */
import type { LocalMedia } from './media'
import { Mesh } from './mesh'
import type { Notice } from './notice'
import { initialCall, reduce } from './reducer'
import { mayDigest } from './reports'
import { Signaling, type SignalingOptions } from './signaling'
import type { PeerStats } from './stats'
import type { Change, watchSurroundings } from './surroundings'
import { troublesOf } from './troubles'
import type { CallEffect, CallEvent, CallState, Entry, Media, MediaName } from './types'

export interface CallOptions extends Pick<SignalingOptions, 'address' | 'createSocket' | 'reportTrouble'> {
  readonly media: LocalMedia
  readonly createConnection: (config: RTCConfiguration) => RTCPeerConnection
  readonly watch?: typeof watchSurroundings
  readonly random?: () => number
  readonly now?: () => number
}

const TICK_MS = 5_000
const DIGEST_MS = 10_000
/** Silence that is worth a question; an answer is silence ended. */
const SILENCE_MS = 10_000
/** Timers of a page in the background run late; one that is later than this slept. */
const SLEPT_MS = 20_000

export class Call {
  readonly #options: CallOptions
  readonly #media: LocalMedia
  readonly #mesh: Mesh
  readonly #signaling: Signaling
  readonly #random: () => number
  readonly #now: () => number
  readonly #listeners = new Set<() => void>()
  readonly #noticeListeners = new Set<(notice: Notice) => void>()
  #state: CallState = initialCall
  #streams: ReadonlyMap<string, MediaStream> = new Map()
  #screens: ReadonlyMap<string, MediaStream> = new Map()
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #probeTimer: ReturnType<typeof setTimeout> | undefined
  #stopFollowing: (() => void) | undefined

  constructor(options: CallOptions) {
    this.#options = options
    this.#media = options.media
    this.#random = options.random ?? Math.random
    this.#now = options.now ?? Date.now
    this.#mesh = new Mesh({
      createConnection: options.createConnection,
      canReach: (clientId) => this.#canReach(clientId),
      onSignal: (to, signal) => this.dispatch({ type: 'signal', to, signal }),
      onLink: (clientId, link) => this.dispatch({ type: 'peerLink', clientId, link }),
      onPath: (clientId, report) => this.dispatch({ type: 'path', clientId, report }),
      onStreams: () => {
        this.#streams = this.#mesh.streams('camera')
        this.#screens = this.#mesh.streams('screen')
        this.#emit()
      },
      random: this.#random,
      now: this.#now,
    })
    this.#signaling = new Signaling({
      address: options.address,
      createSocket: options.createSocket,
      onFrame: (frame) => this.dispatch({ type: 'frame', frame, now: this.#now() }),
      onClosed: (code, ownLateDial) =>
        this.dispatch({ type: 'closed', code, random: this.#random(), now: this.#now(), ownLateDial }),
      onRefused: (reason) => this.dispatch({ type: 'refused', reason }),
      reportTrouble: options.reportTrouble,
      now: this.#now,
    })
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly state = (): CallState => this.#state

  /** Camera and microphone of each member; always the same object for the same member. */
  readonly streams = (): ReadonlyMap<string, MediaStream> => this.#streams

  /** The shared screen of each member, with its sound. It shows something while `member.media.screen` is set. */
  readonly screens = (): ReadonlyMap<string, MediaStream> => this.#screens

  readonly onNotice = (listener: (notice: Notice) => void): (() => void) => {
    this.#noticeListeners.add(listener)
    return () => this.#noticeListeners.delete(listener)
  }

  levels(): ReadonlyMap<string, number> {
    return this.#mesh.levels()
  }

  /** How well media flows to and from each member, measured since the last question. */
  async stats(): Promise<ReadonlyMap<string, PeerStats>> {
    // Nobody needs it to come in, so it is not loaded before.
    const { readStats } = await import('./stats')
    return this.#mesh.stats(readStats)
  }

  /** Come in, or try once more: a new password or invitation replaces what `entry` held before. */
  join(displayName: string, entry?: Entry): void {
    this.#follow()
    this.dispatch({
      type: 'join',
      displayName,
      media: this.#mediaState(),
      ...(entry === undefined ? {} : { entry }),
    })
  }

  /** Leave, stop following the devices and drop all listeners. */
  dispose(): void {
    this.dispatch({ type: 'leave' })
    this.#unfollow()
    clearTimeout(this.#probeTimer)
    this.#listeners.clear()
    this.#noticeListeners.clear()
  }

  dispatch(event: CallEvent): void {
    const [state, effects] = reduce(this.#state, event)
    const changed = state !== this.#state
    this.#state = state
    for (const effect of effects) this.#run(effect)
    if (this.#state.phase === 'ended') this.#unfollow()
    if (changed) this.#emit()
  }

  #run(effect: CallEffect): void {
    switch (effect.type) {
      case 'connect':
        void this.#signaling.connect(effect.dial)
        break
      case 'disconnect':
        this.#signaling.disconnect(effect.final)
        break
      case 'send':
        this.#signaling.send(effect.frame)
        break
      case 'retryIn':
        clearTimeout(this.#retryTimer)
        this.#retryTimer = setTimeout(() => this.dispatch({ type: 'retryDue' }), effect.delayMs)
        break
      case 'cancelRetry':
        clearTimeout(this.#retryTimer)
        break
      case 'probe':
        this.#probe(effect.frameId, effect.delayMs)
        break
      case 'turnOff':
        this.#turnOff(effect.media)
        break
      case 'notice':
        this.#tell(effect.notice)
        break
      default:
        this.#mesh.run(effect)
    }
  }

  #probe(frameId: number, delayMs: number): void {
    this.#signaling.probe(frameId)
    clearTimeout(this.#probeTimer)
    this.#probeTimer = setTimeout(
      () => this.dispatch({ type: 'probeDue', frameId, random: this.#random(), now: this.#now() }),
      delayMs,
    )
  }

  #turnOff(media: MediaName): void {
    if (media === 'screen') this.#media.stopScreen()
    else this.#media.turnOff(media)
  }

  #canReach(clientId: string): boolean {
    const { phase, reconnecting, members } = this.#state
    if (phase !== 'in' || reconnecting) return false
    return members.some(({ id, signal }) => id === clientId && signal === 'ok')
  }

  /** Keep up with the devices, the browser and the clock. */
  #follow(): void {
    this.#unfollow()
    const stops = [
      this.#followMedia(),
      this.#media.onNews((news) => this.#tell(news)),
      this.#options.watch?.((change) => this.#onChange(change)),
      this.#followClock(),
      this.#followFlow(),
    ]
    this.#stopFollowing = () => {
      for (const stop of stops) stop?.()
    }
  }

  #onChange(change: Change): void {
    if (change === 'gone') this.dispatch({ type: 'leave' })
    else if (change === 'network') this.dispatch({ type: 'networkChanged', now: this.#now() })
    else {
      this.dispatch({ type: 'probe' })
      void this.#media.recover()
    }
  }

  #unfollow(): void {
    this.#stopFollowing?.()
    this.#stopFollowing = undefined
  }

  /** Keep what we send, and what we say of it, in step with the devices. */
  #followMedia(): () => void {
    const follow = () => {
      const snapshot = this.#media.snapshot()
      const { audio, video, screen } = snapshot
      this.#mesh.setTrack('audio', audio.track)
      this.#mesh.setTrack('video', video.track)
      this.#mesh.setTrack('screen', screen.track)
      this.#mesh.setTrack('screenAudio', screen.audioTrack)
      const media = this.#mediaState()
      const said = this.#state.media
      if (media.audio !== said.audio || media.video !== said.video || media.screen !== said.screen)
        this.dispatch({ type: 'media', media })
      this.dispatch({ type: 'troubles', troubles: troublesOf(snapshot, this.#state.troubles) })
    }
    follow()
    return this.#media.subscribe(follow)
  }

  #followClock(): () => void {
    let tickedAt = this.#now()
    const timer = setInterval(() => {
      const now = this.#now()
      const slept = now - tickedAt > SLEPT_MS
      tickedAt = now
      this.dispatch({ type: 'tick', now })
      const heardAt = this.#signaling.heardAt
      if (slept) this.#wake(now)
      else if (heardAt !== null && now - heardAt >= SILENCE_MS) this.dispatch({ type: 'probe' })
    }, TICK_MS)
    return () => clearInterval(timer)
  }

  /** Tell the server now and then how media flows. */
  #followFlow(): () => void {
    const tell = async () => {
      if (!mayDigest(this.#state)) return
      // Loaded when it is needed, as for `stats`.
      const { readDigest } = await import('./digest')
      this.dispatch({ type: 'digest', peers: await this.#mesh.digest(readDigest) })
    }
    const timer = setInterval(() => void tell().catch(() => undefined), DIGEST_MS)
    return () => clearInterval(timer)
  }

  #wake(now: number): void {
    this.dispatch({ type: 'networkChanged', now })
    void this.#media.recover()
  }

  #mediaState(): Media {
    const { audio, video, screen } = this.#media.snapshot()
    return { audio: audio.on, video: video.on, screen: screen.on }
  }

  #tell(notice: Notice): void {
    for (const listener of this.#noticeListeners) listener(notice)
  }

  #emit(): void {
    for (const listener of this.#listeners) listener()
  }
}
