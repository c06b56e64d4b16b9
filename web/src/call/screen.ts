/** The own screen, shared with the others, with its sound where the browser gives it (W3C Screen Capture). */
import { toFault, type Devices, type MediaFault } from './capture'

export interface ScreenState {
  readonly track: MediaStreamTrack | null
  /** The sound of the tab or system; null where it was not offered or not wanted. */
  readonly audioTrack: MediaStreamTrack | null
  readonly on: boolean
  /** The browser asks what to share. */
  readonly pending: boolean
  readonly fault: MediaFault | null
}

export const NO_SCREEN: ScreenState = {
  track: null,
  audioTrack: null,
  on: false,
  pending: false,
  fault: null,
}

/** What browsers take beyond the standard's own dictionary, and others ignore. */
interface Wishes extends DisplayMediaStreamOptions {
  readonly systemAudio?: 'include' | 'exclude'
  readonly surfaceSwitching?: 'include' | 'exclude'
  readonly selfBrowserSurface?: 'include' | 'exclude'
}

const PICTURE: MediaTrackConstraints = { frameRate: { ideal: 15, max: 30 } }
const WISHES: Wishes = {
  video: PICTURE,
  audio: true,
  systemAudio: 'include',
  surfaceSwitching: 'include',
  // A call that shows itself shows a tunnel.
  selfBrowserSurface: 'exclude',
}

export class ScreenShare {
  readonly #devices: Devices | undefined
  readonly #onChange: (state: ScreenState) => void
  /** The browser's own button stopped it, or the window that was shown is gone. */
  readonly #onEnded: () => void
  #state = NO_SCREEN
  /** Grows with each stop, so that a choice made after it shares nothing. */
  #epoch = 0

  constructor(devices: Devices | undefined, onChange: (state: ScreenState) => void, onEnded: () => void) {
    this.#devices = devices
    this.#onChange = onChange
    this.#onEnded = onEnded
  }

  get supported(): boolean {
    return this.#devices?.getDisplayMedia !== undefined
  }

  /** Let the person choose what to share. Must be called from a click (transient activation). */
  async start(): Promise<void> {
    if (this.#state.pending || this.#state.on) return
    if (!this.#devices?.getDisplayMedia) {
      this.#set({ ...NO_SCREEN, fault: this.#devices ? 'unknown' : 'insecure' })
      return
    }
    const epoch = this.#epoch
    this.#set({ ...NO_SCREEN, pending: true })
    try {
      const stream = await this.#devices.getDisplayMedia(WISHES)
      if (epoch === this.#epoch) this.#adopt(stream)
      else for (const track of stream.getTracks()) track.stop()
    } catch (error) {
      if (epoch === this.#epoch) this.#set({ ...NO_SCREEN, fault: faultOf(error) })
    }
  }

  stop(): void {
    this.#epoch++
    this.#state.track?.stop()
    this.#state.audioTrack?.stop()
    if (this.#state !== NO_SCREEN) this.#set(NO_SCREEN)
  }

  #adopt(stream: MediaStream): void {
    const track = stream.getTracks().find(({ kind }) => kind === 'video') ?? null
    const audioTrack = stream.getTracks().find(({ kind }) => kind === 'audio') ?? null
    if (track) track.contentHint = 'detail'
    track?.addEventListener('ended', () => {
      if (this.#state.track !== track) return
      this.stop()
      this.#onEnded()
    })
    audioTrack?.addEventListener('ended', () => {
      if (this.#state.audioTrack === audioTrack) this.#set({ ...this.#state, audioTrack: null })
    })
    this.#set({ track, audioTrack, on: track !== null, pending: false, fault: null })
  }

  #set(state: ScreenState): void {
    this.#state = state
    this.#onChange(state)
  }
}

/** Someone who closes the browser's question chose not to share, and nothing is wrong. */
function faultOf(error: unknown): MediaFault | null {
  const fault = toFault(error)
  const refusedBySystem = error instanceof Error && /system/i.test(error.message)
  return fault === 'denied' && !refusedBySystem ? null : fault
}
