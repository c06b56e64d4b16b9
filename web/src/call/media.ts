/** The microphone, camera and screen of this browser: what is on, which device, and what went wrong. */
import {
  capture,
  constraintsFor,
  queryPermission,
  toFault,
  type Devices,
  type MediaFault,
  type MediaKind,
} from './capture'
import { MediaState, type Device, type MediaNews, type MediaSnapshot, type Preferred } from './media-state'
import type { DeviceNews } from './notice'
import { ScreenShare } from './screen'

export { toFault, type Devices, type MediaFault, type MediaKind } from './capture'
export type { Device, MediaNews, MediaSnapshot, SourceState } from './media-state'
export type { ScreenState } from './screen'

const KINDS: readonly MediaKind[] = ['audio', 'video']
const INPUTS = { audio: 'audioinput', video: 'videoinput' } as const
/** Chromium lists the device that the system prefers a second time, under this id. */
const DEFAULT = 'default'

/** `overtaken`: another question, or a wish to be off, came in between. */
type Outcome = 'taken' | 'failed' | 'overtaken'

export class LocalMedia {
  readonly #devices: Devices | undefined
  readonly #screen: ScreenShare
  readonly #state: MediaState
  #attached = false
  #stopWatching = new AbortController()
  /** The newest question for each kind; it grows when all is let go of too. What an older one brings is stopped. */
  readonly #asked: Record<MediaKind, number> = { audio: 0, video: 0 }
  /** What the person last asked for, also while a device is still being opened. */
  readonly #wanted: Record<MediaKind, boolean> = { audio: false, video: false }
  #started = false
  /** Devices that went away while they were in use, to take up again when they are back; by kind, with the id. */
  readonly #missing = new Map<MediaKind, string>()

  constructor(devices: Devices | undefined, preferred: Preferred = {}) {
    this.#devices = devices
    this.#state = new MediaState(preferred)
    this.#screen = new ScreenShare(
      devices,
      (screen) => this.#state.update({ screen }),
      () => this.#state.tell({ kind: 'screenEnded' }),
    )
  }

  /** Follow devices and permissions as they come and go. The answer lets go of everything again. */
  attach(): () => void {
    this.#attached = true
    this.#stopWatching = new AbortController()
    this.#devices?.addEventListener('devicechange', this.#onDeviceChange)
    for (const kind of KINDS) void this.#watchPermission(kind, this.#stopWatching.signal)
    return () => {
      this.stop()
      this.#attached = false
      this.#stopWatching.abort()
      this.#devices?.removeEventListener('devicechange', this.#onDeviceChange)
    }
  }

  readonly subscribe = (listener: () => void): (() => void) => this.#state.subscribe(listener)

  readonly onNews = (listener: (news: MediaNews) => void): (() => void) => this.#state.onNews(listener)

  readonly snapshot = (): MediaSnapshot => this.#state.snapshot

  /** Start, unless that was done before: what was turned off since stays off until all is let go of. */
  async startOnce(want: { audio: boolean; video: boolean }): Promise<void> {
    if (this.#started) return
    this.#started = true
    await this.start(want)
  }

  /** Ask for both at once, so that the browser asks once; what one lacks never keeps the other away. */
  async start(want: { audio: boolean; video: boolean }): Promise<void> {
    const { snapshot } = this.#state
    const kinds = KINDS.filter((kind) => want[kind] && !snapshot[kind].pending && !snapshot[kind].track)
    for (const kind of kinds) this.#wanted[kind] = true
    if (kinds.length > 1 && this.#devices && (await this.#startBoth(this.#devices))) return
    for (const kind of kinds) if (this.#wanted[kind]) await this.turnOn(kind)
  }

  /** Whether that settled it; if not, each is worth a try of its own. */
  async #startBoth(devices: Devices): Promise<boolean> {
    const asked = { audio: ++this.#asked.audio, video: ++this.#asked.video }
    for (const kind of KINDS) this.#state.change(kind, { pending: true, fault: null })
    try {
      const stream = await devices.getUserMedia({
        audio: constraintsFor('audio', this.#state.snapshot.audio.deviceId),
        video: constraintsFor('video', this.#state.snapshot.video.deviceId),
      })
      for (const track of stream.getTracks()) {
        const kind = track.kind as MediaKind
        this.#take(kind, track, asked[kind])
      }
      await this.refreshDevices()
      return true
    } catch (error) {
      const open = KINDS.filter((kind) => this.#asked[kind] === asked[kind])
      if (open.length === 0) return true
      if (toFault(error) !== 'denied' || (await this.#mayAskAgain())) return false
      for (const kind of open) this.#state.change(kind, { pending: false, fault: 'denied' })
      return true
    }
  }

  async turnOn(kind: MediaKind): Promise<void> {
    this.#wanted[kind] = true
    const { track, deviceId } = this.#state.snapshot[kind]
    if (track && track.readyState === 'live') {
      track.enabled = true
      this.#state.change(kind, { on: true, fault: null })
      return
    }
    if (!this.#devices) {
      this.#state.change(kind, { pending: false, fault: 'insecure' })
      return
    }
    await this.#acquire(kind, deviceId, true)
    await this.refreshDevices()
  }

  /** A muted microphone stays open, so that unmuting is instant; a camera is let go and its light goes out. */
  turnOff(kind: MediaKind): void {
    this.#missing.delete(kind)
    this.#wanted[kind] = false
    const { track } = this.#state.snapshot[kind]
    if (kind === 'audio' && track) {
      track.enabled = false
      this.#state.change(kind, { on: false, pending: false })
      return
    }
    track?.stop()
    this.#state.change(kind, { track: null, on: false, pending: false })
  }

  /** A device that is being opened counts as on: whoever presses then does not want to be heard or seen. */
  async toggle(kind: MediaKind): Promise<void> {
    const { on, pending } = this.#state.snapshot[kind]
    if (on || pending) this.turnOff(kind)
    else await this.turnOn(kind)
  }

  /** Take another device; a muted microphone stays muted. Where it cannot be had, the old one goes on. */
  async choose(kind: MediaKind, deviceId: string): Promise<void> {
    const before = this.#state.snapshot[kind]
    this.#missing.delete(kind)
    this.#state.change(kind, { deviceId })
    if (!before.on && !before.track) return
    // Some machines cannot open two of a kind at once.
    before.track?.stop()
    this.#state.change(kind, { track: null })
    const outcome = await this.#acquire(kind, deviceId, before.on)
    if (outcome === 'failed' && before.track && deviceId !== before.deviceId) {
      const { fault } = this.#state.snapshot[kind]
      const back = await this.#acquire(kind, before.deviceId, this.#wanted[kind])
      if (back === 'taken') this.#state.change(kind, { fault })
    }
    await this.refreshDevices()
  }

  chooseSpeaker(speakerId: string): void {
    this.#state.update({ speakerId })
  }

  get canShareScreen(): boolean {
    return this.#screen.supported
  }

  /** Let the person choose what to share. Must be called from a click (transient activation). */
  startScreen(): Promise<void> {
    return this.#screen.start()
  }

  stopScreen(): void {
    this.#screen.stop()
  }

  async refreshDevices(): Promise<void> {
    const list = (await this.#devices?.enumerateDevices().catch(() => [])) ?? []
    const devices = list
      .filter((device) => device.deviceId !== '')
      .map(({ kind, deviceId, label }) => ({ kind, id: deviceId, label }))
    this.#state.update({ devices })
  }

  /** Take up again what ended while the machine slept or the page was out of sight. */
  async recover(): Promise<void> {
    for (const kind of KINDS) {
      const { track, on } = this.#state.snapshot[kind]
      if (track?.readyState === 'ended') this.#lose(kind, track, on, 'unplugged')
    }
    if (this.#missing.size === 0) return
    await this.refreshDevices()
    await this.#restore()
  }

  /** Let go of all devices. */
  stop(): void {
    this.#started = false
    this.#missing.clear()
    this.#screen.stop()
    for (const kind of KINDS) {
      this.#asked[kind]++
      this.#wanted[kind] = false
      this.#state.snapshot[kind].track?.stop()
      this.#state.change(kind, { track: null, on: false, pending: false, fault: null })
    }
  }

  /** Open a device, muted or not. */
  async #acquire(kind: MediaKind, deviceId: string, on: boolean): Promise<Outcome> {
    const asked = ++this.#asked[kind]
    this.#wanted[kind] = on
    this.#state.change(kind, { pending: true, fault: null })
    try {
      return this.#take(kind, await capture(this.#devices, kind, deviceId), asked)
    } catch (error) {
      if (asked !== this.#asked[kind]) return 'overtaken'
      this.#refuse(kind, toFault(error))
      return 'failed'
    }
  }

  #take(kind: MediaKind, track: MediaStreamTrack, asked: number): Outcome {
    if (!this.#attached || asked !== this.#asked[kind]) {
      track.stop()
      return 'overtaken'
    }
    // Whoever was muted meanwhile stays muted.
    track.enabled = this.#wanted[kind]
    if (kind === 'video' && !track.enabled) {
      track.stop()
      this.#state.change(kind, { pending: false })
      return 'overtaken'
    }
    this.#adopt(kind, track)
    return 'taken'
  }

  #adopt(kind: MediaKind, track: MediaStreamTrack): void {
    this.#missing.delete(kind)
    const before = this.#state.snapshot[kind].track
    if (before !== track) before?.stop()
    track.addEventListener('ended', () => void this.#onEnded(kind, track))
    const deviceId = track.getSettings().deviceId ?? this.#state.snapshot[kind].deviceId
    this.#state.change(kind, { track, on: track.enabled, pending: false, fault: null, deviceId })
  }

  /** No other device could be had: the old one goes on if it lives, else nothing may seem to be on. */
  #refuse(kind: MediaKind, fault: MediaFault): void {
    const { track } = this.#state.snapshot[kind]
    if (track?.readyState === 'live') this.#state.change(kind, { pending: false, fault })
    else this.#state.change(kind, { pending: false, on: false, track: null, fault })
  }

  async #onEnded(kind: MediaKind, track: MediaStreamTrack): Promise<void> {
    if (this.#state.snapshot[kind].track !== track) return
    const { on } = this.#state.snapshot[kind]
    const permission = await queryPermission(kind)
    if (this.#state.snapshot[kind].track !== track) return
    const revoked = permission?.state === 'denied'
    this.#lose(kind, track, on, revoked ? 'revoked' : 'unplugged')
    this.#tellDevice(kind, revoked ? 'revoked' : 'lost', track.label)
    // Another microphone is as good; another camera may show what nobody meant to show.
    if (!revoked && kind === 'audio' && (await this.#hasOther(kind))) await this.#replace(kind, '', on)
  }

  #lose(kind: MediaKind, track: MediaStreamTrack, on: boolean, fault: MediaFault): void {
    track.stop()
    if (on && fault === 'unplugged') this.#missing.set(kind, this.#state.snapshot[kind].deviceId)
    this.#state.change(kind, { track: null, on: false, pending: false, fault })
  }

  async #hasOther(kind: MediaKind): Promise<boolean> {
    await this.refreshDevices()
    return this.#state.snapshot.devices.some((device) => device.kind === INPUTS[kind])
  }

  async #replace(kind: MediaKind, deviceId: string, on: boolean): Promise<void> {
    if ((await this.#acquire(kind, deviceId, on)) === 'taken') this.#tellDevice(kind, 'replaced')
  }

  readonly #onDeviceChange = (): void => void this.#followDevices()

  async #followDevices(): Promise<void> {
    const before = this.#state.snapshot.devices
    await this.refreshDevices()
    const { devices } = this.#state.snapshot
    await this.#restore()
    await this.#followDefault(before, devices)
  }

  /** Only what was in use, and only if it is here: another camera may show what nobody meant to show. */
  async #restore(): Promise<void> {
    const { devices } = this.#state.snapshot
    for (const [kind, deviceId] of [...this.#missing])
      if (
        devices.some(({ id }) => id === deviceId) &&
        (await this.#acquire(kind, deviceId, true)) === 'taken'
      )
        this.#tellDevice(kind, 'restored')
  }

  /** A track of the default device stays with the machine it was opened on: when the default moves, so do we. */
  async #followDefault(before: readonly Device[], after: readonly Device[]): Promise<void> {
    const { track, on, deviceId } = this.#state.snapshot.audio
    if (!track || deviceId !== DEFAULT) return
    const label = (devices: readonly Device[]) =>
      devices.find(({ kind, id }) => kind === 'audioinput' && id === DEFAULT)?.label
    if (!label(before) || !label(after) || label(before) === label(after)) return
    await this.#replace('audio', DEFAULT, on)
  }

  async #watchPermission(kind: MediaKind, signal: AbortSignal): Promise<void> {
    const permission = await queryPermission(kind)
    if (signal.aborted) return
    permission?.addEventListener?.('change', () => this.#onPermission(kind, permission.state), { signal })
  }

  #onPermission(kind: MediaKind, state: PermissionState): void {
    const { track, on, fault } = this.#state.snapshot[kind]
    if (state === 'denied' && track) {
      this.#lose(kind, track, on, 'revoked')
      this.#tellDevice(kind, 'revoked', track.label)
    } else if (state === 'granted' && (fault === 'denied' || fault === 'revoked')) {
      this.#state.change(kind, { fault: null })
    }
  }

  /** Whether one of the two was refused on its own, so that asking for the other opens no second question. */
  async #mayAskAgain(): Promise<boolean> {
    const permissions = await Promise.all(KINDS.map(queryPermission))
    return permissions.some((permission) => permission?.state === 'granted')
  }

  #tellDevice(
    media: MediaKind,
    what: DeviceNews,
    label = this.#state.snapshot[media].track?.label ?? '',
  ): void {
    this.#state.tell({ kind: 'device', media, what, label })
  }
}
