/** The microphone and camera of this browser: what is on, which device, and what went wrong in plain names. */

export type MediaFault =
  | 'denied'
  | 'noDevice'
  | 'busy'
  /** The page is not served over HTTPS (or from localhost), so browsers hide all devices. */
  | 'insecure'
  | 'unplugged'
  | 'unknown'

export type MediaKind = 'audio' | 'video'

export interface SourceState {
  readonly track: MediaStreamTrack | null
  readonly on: boolean
  readonly pending: boolean
  readonly fault: MediaFault | null
  readonly deviceId: string
}

export interface MediaSnapshot {
  readonly audio: SourceState
  readonly video: SourceState
  readonly devices: readonly Device[]
  readonly speakerId: string
}

export interface Device {
  readonly kind: MediaDeviceKind
  readonly id: string
  readonly label: string
}

/** The part of MediaDevices that is used, so that tests can stand in for it. */
export type Devices = Pick<
  MediaDevices,
  'getUserMedia' | 'enumerateDevices' | 'addEventListener' | 'removeEventListener'
>

const IDLE: SourceState = { track: null, on: false, pending: false, fault: null, deviceId: '' }

export function toFault(error: unknown): MediaFault {
  const name = error instanceof Error || error instanceof DOMException ? error.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError' || name === 'PermissionDeniedError')
    return 'denied'
  if (name === 'NotFoundError' || name === 'DevicesNotFoundError') return 'noDevice'
  if (name === 'NotReadableError' || name === 'TrackStartError' || name === 'AbortError') return 'busy'
  return 'unknown'
}

function constraintsFor(kind: MediaKind, deviceId: string): MediaTrackConstraints {
  const device = deviceId ? { deviceId: { exact: deviceId } } : {}
  return kind === 'audio'
    ? { ...device, echoCancellation: true, noiseSuppression: true, autoGainControl: true }
    : { ...device, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } }
}

export class LocalMedia {
  readonly #devices: Devices | undefined
  readonly #listeners = new Set<() => void>()
  #snapshot: MediaSnapshot = { audio: IDLE, video: IDLE, devices: [], speakerId: '' }
  #attached = false
  /** Grows when everything is let go of, so that a device that comes later is let go of too. */
  #epoch = 0

  constructor(devices: Devices | undefined, preferred: Partial<Record<MediaKind | 'speaker', string>> = {}) {
    this.#devices = devices
    this.#snapshot = {
      ...this.#snapshot,
      audio: { ...IDLE, deviceId: preferred.audio ?? '' },
      video: { ...IDLE, deviceId: preferred.video ?? '' },
      speakerId: preferred.speaker ?? '',
    }
  }

  /** Follow devices as they are plugged in and out. The answer lets go of everything again. */
  attach(): () => void {
    this.#attached = true
    this.#devices?.addEventListener('devicechange', this.#onDeviceChange)
    return () => {
      this.stop()
      this.#attached = false
      this.#devices?.removeEventListener('devicechange', this.#onDeviceChange)
    }
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly snapshot = (): MediaSnapshot => this.#snapshot

  /** Ask for both at once, so that the browser asks once; what one lacks never keeps the other away. */
  async start(want: { audio: boolean; video: boolean }): Promise<void> {
    const audio = want.audio && !this.#snapshot.audio.pending && !this.#snapshot.audio.track
    const video = want.video && !this.#snapshot.video.pending && !this.#snapshot.video.track
    if (audio && video && this.#devices && (await this.#startBoth(this.#devices))) return
    if (audio) await this.turnOn('audio')
    if (video) await this.turnOn('video')
  }

  /** Whether that settled it; if not, each is worth a try of its own. */
  async #startBoth(devices: Devices): Promise<boolean> {
    const epoch = this.#epoch
    this.#change('audio', { pending: true, fault: null })
    this.#change('video', { pending: true, fault: null })
    try {
      const stream = await devices.getUserMedia({
        audio: constraintsFor('audio', this.#snapshot.audio.deviceId),
        video: constraintsFor('video', this.#snapshot.video.deviceId),
      })
      for (const track of stream.getTracks()) this.#adopt(track.kind as MediaKind, track, epoch)
      await this.refreshDevices()
      return true
    } catch (error) {
      if (epoch !== this.#epoch) return true
      if (toFault(error) !== 'denied' || (await this.#mayAskAgain())) return false
      this.#change('audio', { pending: false, fault: 'denied' })
      this.#change('video', { pending: false, fault: 'denied' })
      return true
    }
  }

  async turnOn(kind: MediaKind): Promise<void> {
    const { track, deviceId } = this.#snapshot[kind]
    if (track && track.readyState === 'live') {
      track.enabled = true
      this.#change(kind, { on: true, fault: null })
      return
    }
    if (!this.#devices) {
      this.#change(kind, { pending: false, fault: 'insecure' })
      return
    }
    const epoch = this.#epoch
    this.#change(kind, { pending: true, fault: null })
    try {
      this.#adopt(kind, await this.#capture(kind, deviceId), epoch)
    } catch (error) {
      if (epoch !== this.#epoch) return
      this.#change(kind, { pending: false, on: false, track: null, fault: toFault(error) })
    }
    await this.refreshDevices()
  }

  /** A muted microphone stays open, so that unmuting is instant; a camera is let go and its light goes out. */
  turnOff(kind: MediaKind): void {
    const { track } = this.#snapshot[kind]
    if (kind === 'audio' && track) {
      track.enabled = false
      this.#change(kind, { on: false })
      return
    }
    track?.stop()
    this.#change(kind, { track: null, on: false, pending: false })
  }

  async toggle(kind: MediaKind): Promise<void> {
    const { on, pending } = this.#snapshot[kind]
    if (pending) return
    if (on) this.turnOff(kind)
    else await this.turnOn(kind)
  }

  async choose(kind: MediaKind, deviceId: string): Promise<void> {
    const before = this.#snapshot[kind]
    this.#change(kind, { deviceId })
    if (!before.on && !before.track) return
    before.track?.stop()
    this.#change(kind, { track: null })
    await this.turnOn(kind)
    if (!before.on) this.turnOff(kind)
  }

  chooseSpeaker(speakerId: string): void {
    this.#update({ ...this.#snapshot, speakerId })
  }

  async refreshDevices(): Promise<void> {
    const list = (await this.#devices?.enumerateDevices().catch(() => [])) ?? []
    const devices = list
      .filter((device) => device.deviceId !== '')
      .map(({ kind, deviceId, label }) => ({ kind, id: deviceId, label }))
    this.#update({ ...this.#snapshot, devices })
  }

  /** Let go of all devices. */
  stop(): void {
    this.#epoch++
    for (const kind of ['audio', 'video'] as const) {
      this.#snapshot[kind].track?.stop()
      this.#change(kind, { track: null, on: false, pending: false, fault: null })
    }
  }

  async #capture(kind: MediaKind, deviceId: string): Promise<MediaStreamTrack> {
    const devices = this.#devices
    if (!devices) throw new DOMException('no devices', 'NotFoundError')
    let stream: MediaStream
    try {
      stream = await devices.getUserMedia({ [kind]: constraintsFor(kind, deviceId) })
    } catch (error) {
      // The remembered device is not here today: take any.
      if (!deviceId || !(error instanceof Error) || error.name !== 'OverconstrainedError') throw error
      stream = await devices.getUserMedia({ [kind]: constraintsFor(kind, '') })
    }
    const track = stream.getTracks()[0]
    if (!track) throw new DOMException('no track', 'NotFoundError')
    return track
  }

  #adopt(kind: MediaKind, track: MediaStreamTrack, epoch: number): void {
    if (!this.#attached || epoch !== this.#epoch) {
      track.stop()
      return
    }
    const before = this.#snapshot[kind].track
    if (before !== track) before?.stop()
    track.addEventListener('ended', () => {
      if (this.#snapshot[kind].track !== track) return
      this.#change(kind, { track: null, on: false, fault: 'unplugged' })
    })
    const deviceId = track.getSettings().deviceId ?? this.#snapshot[kind].deviceId
    this.#change(kind, { track, on: true, pending: false, fault: null, deviceId })
  }

  /** Whether one of the two was refused on its own, so that asking for the other opens no second question. */
  async #mayAskAgain(): Promise<boolean> {
    const states = await Promise.all(
      ['microphone', 'camera'].map((name) =>
        navigator.permissions
          ?.query({ name: name as PermissionName })
          .then(({ state }) => state)
          .catch(() => 'denied'),
      ),
    )
    return states.includes('granted')
  }

  #change(kind: MediaKind, change: Partial<SourceState>): void {
    this.#update({ ...this.#snapshot, [kind]: { ...this.#snapshot[kind], ...change } })
  }

  #update(snapshot: MediaSnapshot): void {
    this.#snapshot = snapshot
    for (const listener of this.#listeners) listener()
  }

  readonly #onDeviceChange = (): void => void this.refreshDevices()
}
