/** What one member sends another: four tracks, each with its place in the description. */
import type { Negotiable } from './negotiation'

/** In the order of their media sections (RFC 8829 §5.2.1): the n-th audio or video section is the n-th of its kind. */
export const SLOTS = ['audio', 'video', 'screen', 'screenAudio'] as const
export type Slot = (typeof SLOTS)[number]

export const KIND_OF: Readonly<Record<Slot, 'audio' | 'video'>> = {
  audio: 'audio',
  video: 'video',
  screen: 'video',
  screenAudio: 'audio',
}
/** Which picture a track belongs to. */
export const STREAM_OF: Readonly<Record<Slot, StreamName>> = {
  audio: 'camera',
  video: 'camera',
  screen: 'screen',
  screenAudio: 'screen',
}
export type StreamName = 'camera' | 'screen'

export type Tracks = Readonly<Record<Slot, MediaStreamTrack | null>>
type Sendable = Negotiable & Pick<RTCPeerConnection, 'addTransceiver' | 'getTransceivers'>

/** The transceivers of one RTCPeerConnection by what they carry. */
export class Slots {
  readonly #connection: Sendable
  readonly #transceivers: Partial<Record<Slot, RTCRtpTransceiver>> = {}
  /** Browsers keep sound and picture in step only within one stream that is named in the description (RFC 8830). */
  readonly #streams: Readonly<Record<StreamName, MediaStream>> = {
    camera: new MediaStream(),
    screen: new MediaStream(),
  }

  constructor(connection: Sendable) {
    this.#connection = connection
  }

  get(slot: Slot): RTCRtpTransceiver | undefined {
    return this.#transceivers[slot]
  }

  /** Offer one transceiver per slot, with or without a track, so that a device can be added later at once. */
  offer(tracks: Tracks): void {
    if (this.#connection.signalingState === 'closed') return
    for (const slot of SLOTS) {
      this.#transceivers[slot] ??= this.#connection.addTransceiver(tracks[slot] ?? KIND_OF[slot], {
        direction: 'sendrecv',
        streams: [this.#streams[STREAM_OF[slot]]],
      })
    }
  }

  /** Take the transceivers of a remote description as ours, so that a pair never has two per slot. */
  adopt(tracks: Tracks): void {
    const described = this.#connection
      .getTransceivers()
      .filter(({ mid }) => mid !== null)
      .sort((one, other) => Number(one.mid) - Number(other.mid))
    for (const slot of SLOTS) {
      const own = this.#transceivers[slot]
      if (own?.mid != null) continue
      const offered = described.filter(({ receiver }) => receiver.track.kind === KIND_OF[slot])[placeOf(slot)]
      if (!offered) continue
      // After glare our own, rolled back, hangs in the air: a remote offer only joins transceivers of addTrack.
      if (own && own !== offered) own.stop()
      this.#transceivers[slot] = offered
      offered.direction = 'sendrecv'
      offered.sender.setStreams(this.#streams[STREAM_OF[slot]])
      void offered.sender.replaceTrack(tracks[slot]).catch(() => undefined)
    }
  }

  send(slot: Slot, track: MediaStreamTrack | null): void {
    void this.#transceivers[slot]?.sender.replaceTrack(track).catch(() => undefined)
  }

  /** Bound what a slot may take of the line. */
  limit(slot: Slot, budget: { readonly maxBitrate: number; readonly scaleResolutionDownBy: number }): void {
    const sender = this.#transceivers[slot]?.sender
    const parameters = sender?.getParameters()
    const encoding = parameters?.encodings[0]
    if (!sender || !parameters || !encoding) return
    if (
      encoding.maxBitrate === budget.maxBitrate &&
      (encoding.scaleResolutionDownBy ?? 1) === budget.scaleResolutionDownBy
    )
      return
    Object.assign(encoding, budget)
    void sender.setParameters(parameters).catch(() => undefined)
  }
}

/** Its place among the slots of its kind. */
function placeOf(slot: Slot): number {
  return SLOTS.filter((other) => KIND_OF[other] === KIND_OF[slot]).indexOf(slot)
}
