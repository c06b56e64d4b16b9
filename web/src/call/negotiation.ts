/**
 * Perfect negotiation (W3C WebRTC §10.7) for one pair of members.
 *
 * Both sides run the same code and may offer at any time; the server says which of the two is polite and gives way.
 * `send` is injected, so nothing here knows how a signal travels.
 */
import type { Candidate } from '@/protocol/messages'
import type { Signal } from './types'

/** The part of RTCPeerConnection that negotiation uses. */
export type Negotiable = Pick<
  RTCPeerConnection,
  | 'signalingState'
  | 'localDescription'
  | 'remoteDescription'
  | 'setLocalDescription'
  | 'setRemoteDescription'
  | 'addIceCandidate'
  | 'addEventListener'
  | 'removeEventListener'
>

export interface NegotiationOptions {
  readonly connection: Negotiable
  readonly polite: boolean
  readonly send: (signal: Signal) => void
  /** Called once a remote description is in place, before an offer is answered: the time to attach own tracks. */
  readonly onRemoteDescription: (type: 'offer' | 'answer') => void
  /** Called once a candidate of the other side is in use. */
  readonly onRemoteCandidate: (candidate: string) => void
  readonly onError: (error: unknown) => void
}

interface EarlyCandidate {
  readonly candidate: Candidate | null
  /** It came while an offer of the other side was being ignored, so it may belong to that offer. */
  readonly doubtful: boolean
}

/** More than any real peer gathers before its description. */
const MAX_EARLY = 256

export class Negotiation {
  readonly #connection: Negotiable
  readonly #options: NegotiationOptions
  #makingOffer = false
  #ignoreOffer = false
  /** An answer is being applied: the state still reads have-local-offer, but an offer is welcome again. */
  #srdAnswerPending = false
  #early: EarlyCandidate[] = []
  #endSent = false
  #closed = false

  constructor(options: NegotiationOptions) {
    this.#options = options
    this.#connection = options.connection
    this.#connection.addEventListener('negotiationneeded', this.#onNegotiationNeeded)
    this.#connection.addEventListener('icecandidate', this.#onCandidate)
  }

  /** Whether an offer of ours is being made or waits for its answer. */
  get offering(): boolean {
    return this.#makingOffer || this.#connection.signalingState === 'have-local-offer'
  }

  close(): void {
    this.#closed = true
    this.#early = []
    this.#connection.removeEventListener('negotiationneeded', this.#onNegotiationNeeded)
    this.#connection.removeEventListener('icecandidate', this.#onCandidate)
  }

  /** Take in what the other side sent. Never rejects: faults go to `onError`. */
  async receive(signal: Signal): Promise<void> {
    try {
      if (signal.action === 'ice') await this.#receiveCandidate(signal.candidate)
      else await this.#receiveDescription(signal.action, signal.sdp)
    } catch (error) {
      if (!this.#closed) this.#options.onError(error)
    }
  }

  readonly #onNegotiationNeeded = (): void => void this.#makeOffer()

  async #makeOffer(): Promise<void> {
    try {
      this.#makingOffer = true
      await this.#connection.setLocalDescription()
      this.#sendLocalDescription()
    } catch (error) {
      if (!this.#closed) this.#options.onError(error)
    } finally {
      this.#makingOffer = false
    }
  }

  readonly #onCandidate = ({ candidate }: RTCPeerConnectionIceEvent): void => {
    if (this.#closed) return
    if (candidate?.candidate) {
      this.#endSent = false
      this.#options.send({ action: 'ice', candidate: toWire(candidate) })
    } else if (!this.#endSent) {
      // Browsers say "no more" once (null) or twice ("" and null); the other side needs to hear it once.
      this.#endSent = true
      this.#options.send({ action: 'ice', candidate: { candidate: '' } })
    }
  }

  async #receiveDescription(type: 'offer' | 'answer', sdp: string): Promise<void> {
    const { signalingState } = this.#connection
    // Late or doubled: there is no offer of ours that it could answer.
    if (type === 'answer' && (signalingState !== 'have-local-offer' || this.#srdAnswerPending)) return
    const readyForOffer =
      !this.#makingOffer &&
      (signalingState === 'stable' || (signalingState === 'have-local-offer' && this.#srdAnswerPending))
    this.#ignoreOffer = type === 'offer' && !this.#options.polite && !readyForOffer
    if (this.#ignoreOffer) return

    this.#srdAnswerPending = type === 'answer'
    try {
      // The polite side rolls its own offer back here by itself.
      await this.#connection.setRemoteDescription({ type, sdp })
    } finally {
      this.#srdAnswerPending = false
    }
    await this.#applyEarly()
    if (this.#closed) return
    this.#options.onRemoteDescription(type)
    if (type === 'offer' && this.#connection.signalingState === 'have-remote-offer') {
      await this.#connection.setLocalDescription()
      this.#sendLocalDescription()
    }
  }

  async #receiveCandidate(candidate: Candidate | null): Promise<void> {
    if (!this.#connection.remoteDescription) {
      if (this.#early.length < MAX_EARLY) this.#early.push({ candidate, doubtful: this.#ignoreOffer })
      return
    }
    await this.#addCandidate(candidate, this.#ignoreOffer)
  }

  async #applyEarly(): Promise<void> {
    const early = this.#early
    this.#early = []
    for (const { candidate, doubtful } of early) await this.#addCandidate(candidate, doubtful)
  }

  async #addCandidate(candidate: Candidate | null, doubtful: boolean): Promise<void> {
    try {
      await this.#connection.addIceCandidate(candidate ?? { candidate: '' })
      if (candidate && !this.#closed) this.#options.onRemoteCandidate(candidate.candidate)
    } catch (error) {
      // A candidate of an ignored offer fits nothing here, and an end that cannot be marked is no loss.
      if (!doubtful && candidate?.candidate && !this.#closed) this.#options.onError(error)
    }
  }

  #sendLocalDescription(): void {
    const description = this.#connection.localDescription
    if (this.#closed || !description) return
    if (description.type === 'offer' || description.type === 'answer') {
      this.#options.send({ action: description.type, sdp: description.sdp })
    }
  }
}

function toWire(candidate: RTCIceCandidate): Candidate {
  const { candidate: line, sdpMid, sdpMLineIndex, usernameFragment } = candidate
  return { candidate: line, sdpMid, sdpMLineIndex, usernameFragment }
}
