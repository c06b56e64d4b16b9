/** Runs one call: feeds events to the reducer and carries out the effects it asks for. */
import type { LocalMedia } from './media'
import { Mesh } from './mesh'
import { initialCall, reduce } from './reducer'
import { Signaling, type SignalingOptions } from './signaling'
import type { CallEffect, CallEvent, CallState, Media, Notice } from './types'

export interface CallOptions extends Pick<SignalingOptions, 'address' | 'createSocket'> {
  readonly media: LocalMedia
  readonly createConnection: (config: RTCConfiguration) => RTCPeerConnection
  readonly random?: () => number
  readonly now?: () => number
}

export class Call {
  readonly #media: LocalMedia
  readonly #mesh: Mesh
  readonly #signaling: Signaling
  readonly #random: () => number
  readonly #now: () => number
  readonly #listeners = new Set<() => void>()
  readonly #noticeListeners = new Set<(notice: Notice) => void>()
  #state: CallState = initialCall
  #streams: ReadonlyMap<string, MediaStream> = new Map()
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #probeTimer: ReturnType<typeof setTimeout> | undefined
  #unsubscribeMedia: (() => void) | undefined

  constructor(options: CallOptions) {
    this.#media = options.media
    this.#random = options.random ?? Math.random
    this.#now = options.now ?? Date.now
    this.#mesh = new Mesh({
      createConnection: options.createConnection,
      onSignal: (to, signal) => this.dispatch({ type: 'signal', to, signal }),
      onLink: (clientId, link) => this.dispatch({ type: 'peerLink', clientId, link }),
      onStreams: () => {
        this.#streams = this.#mesh.streams()
        this.#emit()
      },
    })
    this.#signaling = new Signaling({
      address: options.address,
      createSocket: options.createSocket,
      onFrame: (frame) => this.dispatch({ type: 'frame', frame, now: this.#now() }),
      onClosed: (code) => this.dispatch({ type: 'closed', code, random: this.#random() }),
      onRefused: (reason) => this.dispatch({ type: 'refused', reason }),
    })
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly state = (): CallState => this.#state

  readonly streams = (): ReadonlyMap<string, MediaStream> => this.#streams

  readonly onNotice = (listener: (notice: Notice) => void): (() => void) => {
    this.#noticeListeners.add(listener)
    return () => this.#noticeListeners.delete(listener)
  }

  levels(): ReadonlyMap<string, number> {
    return this.#mesh.levels()
  }

  join(displayName: string): void {
    this.#followMedia()
    this.dispatch({ type: 'join', displayName, media: this.#mediaState() })
  }

  /** Leave, stop following the devices and drop all listeners. */
  dispose(): void {
    this.dispatch({ type: 'leave' })
    this.#unsubscribeMedia?.()
    clearTimeout(this.#probeTimer)
    this.#listeners.clear()
    this.#noticeListeners.clear()
  }

  dispatch(event: CallEvent): void {
    const [state, effects] = reduce(this.#state, event)
    const changed = state !== this.#state
    this.#state = state
    for (const effect of effects) this.#run(effect)
    if (changed) this.#emit()
  }

  #run(effect: CallEffect): void {
    switch (effect.type) {
      case 'connect':
        void this.#signaling.connect()
        break
      case 'disconnect':
        this.#signaling.disconnect()
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
        clearTimeout(this.#probeTimer)
        this.#probeTimer = setTimeout(
          () => this.dispatch({ type: 'probeDue', frameId: effect.frameId, random: this.#random() }),
          effect.delayMs,
        )
        break
      case 'configurePeers':
        this.#mesh.configure(effect.iceServers)
        break
      case 'openPeer':
        this.#mesh.open(effect.clientId, effect)
        break
      case 'closePeer':
        this.#mesh.close(effect.clientId)
        break
      case 'closePeers':
        this.#mesh.closeAll()
        break
      case 'deliver':
        this.#mesh.deliver(effect.from, effect.signal)
        break
      case 'notice':
        for (const listener of this.#noticeListeners) listener(effect.notice)
        break
    }
  }

  /** Keep what we send, and what we say of it, in step with the devices. */
  #followMedia(): void {
    this.#unsubscribeMedia?.()
    const follow = () => {
      const { audio, video } = this.#media.snapshot()
      this.#mesh.setTrack('audio', audio.track)
      this.#mesh.setTrack('video', video.track)
      const media = this.#mediaState()
      const said = this.#state.media
      if (media.audio !== said.audio || media.video !== said.video) this.dispatch({ type: 'media', media })
    }
    this.#unsubscribeMedia = this.#media.subscribe(follow)
    follow()
  }

  #mediaState(): Media {
    const { audio, video } = this.#media.snapshot()
    return { audio: audio.on, video: video.on, screen: false }
  }

  #emit(): void {
    for (const listener of this.#listeners) listener()
  }
}
