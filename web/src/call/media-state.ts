/** What is on, on which device, and what went wrong: the state of the own media, for all who watch it. */
import type { MediaFault, MediaKind } from './capture'
import type { Notice } from './notice'
import { NO_SCREEN, type ScreenState } from './screen'

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
  readonly screen: ScreenState
  readonly devices: readonly Device[]
  readonly speakerId: string
}

export interface Device {
  readonly kind: MediaDeviceKind
  readonly id: string
  readonly label: string
}

export type MediaNews = Extract<Notice, { kind: 'device' | 'screenEnded' }>
export type Preferred = Partial<Record<MediaKind | 'speaker', string>>

const IDLE: SourceState = { track: null, on: false, pending: false, fault: null, deviceId: '' }

export class MediaState {
  readonly #listeners = new Set<() => void>()
  readonly #newsListeners = new Set<(news: MediaNews) => void>()
  #snapshot: MediaSnapshot

  constructor(preferred: Preferred) {
    this.#snapshot = {
      audio: { ...IDLE, deviceId: preferred.audio ?? '' },
      video: { ...IDLE, deviceId: preferred.video ?? '' },
      screen: NO_SCREEN,
      devices: [],
      speakerId: preferred.speaker ?? '',
    }
  }

  get snapshot(): MediaSnapshot {
    return this.#snapshot
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  onNews(listener: (news: MediaNews) => void): () => void {
    this.#newsListeners.add(listener)
    return () => this.#newsListeners.delete(listener)
  }

  change(kind: MediaKind, change: Partial<SourceState>): void {
    this.update({ [kind]: { ...this.#snapshot[kind], ...change } })
  }

  update(change: Partial<MediaSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change }
    for (const listener of this.#listeners) listener()
  }

  tell(news: MediaNews): void {
    for (const listener of this.#newsListeners) listener(news)
  }
}
