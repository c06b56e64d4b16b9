/**
 * A peer connection without a network: signalling state, the operations chain, implicit rollback and candidates as
 * W3C WebRTC §4.4.1 has them, enough for negotiation to go wrong in all the ways it can in a browser.
 */
import type { Negotiable } from '@/call/negotiation'

export class FakeConnection extends EventTarget implements Negotiable {
  signalingState: RTCSignalingState = 'stable'
  localDescription: RTCSessionDescription | null = null
  remoteDescription: RTCSessionDescription | null = null
  readonly candidates: string[] = []
  readonly applied: string[] = []
  rollbacks = 0
  /** When set, the next setRemoteDescription waits for it. */
  gate: Promise<void> | null = null
  readonly #name: string
  #chain: Promise<unknown> = Promise.resolve()
  #stable: { local: RTCSessionDescription | null; remote: RTCSessionDescription | null } = {
    local: null,
    remote: null,
  }
  #needed = false
  #count = 0

  constructor(name: string) {
    super()
    this.#name = name
  }

  /** As after addTransceiver: something to tell the other side. */
  need(): void {
    this.#needed = true
    this.#fireIfNeeded()
  }

  setLocalDescription = (): Promise<void> =>
    this.#enqueue(() => {
      const type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer'
      if (type === 'offer') this.#needed = false
      this.localDescription = description(type, `${this.#name}-${type}-${++this.#count}`)
      if (type === 'offer') this.signalingState = 'have-local-offer'
      else this.#settle()
      return Promise.resolve()
    })

  setRemoteDescription = (init: RTCSessionDescriptionInit): Promise<void> =>
    this.#enqueue(async () => {
      if (this.gate) await this.gate
      if (init.type === 'offer') {
        if (this.signalingState === 'have-local-offer') {
          this.rollbacks++
          this.localDescription = this.#stable.local
          // What was to be offered is still to be offered.
          this.#needed = true
        }
        this.remoteDescription = description('offer', init.sdp ?? '')
        this.signalingState = 'have-remote-offer'
      } else {
        if (this.signalingState !== 'have-local-offer')
          throw new DOMException('no offer to answer', 'InvalidStateError')
        this.remoteDescription = description('answer', init.sdp ?? '')
        this.#settle()
      }
      this.applied.push(init.sdp ?? '')
    })

  addIceCandidate = (candidate?: RTCIceCandidateInit | null): Promise<void> =>
    this.#enqueue(() => {
      if (!this.remoteDescription) throw new DOMException('no remote description', 'InvalidStateError')
      if (candidate?.candidate === 'unfit') throw new DOMException('fits nothing', 'OperationError')
      this.candidates.push(candidate?.candidate ?? '')
      return Promise.resolve()
    })

  gather(candidate: string | null): void {
    const event = new Event('icecandidate')
    Object.assign(event, {
      candidate:
        candidate === null ? null : { candidate, sdpMid: '0', sdpMLineIndex: 0, usernameFragment: 'u' },
    })
    this.dispatchEvent(event)
  }

  #settle(): void {
    this.signalingState = 'stable'
    this.#stable = { local: this.localDescription, remote: this.remoteDescription }
    void this.#fireSoon()
  }

  /** Browsers fire in a task of its own, so all that waits for the description goes first. */
  async #fireSoon(): Promise<void> {
    for (let turn = 0; turn < 12; turn++) await Promise.resolve()
    this.#fireIfNeeded()
  }

  #fireIfNeeded(): void {
    if (this.#needed && this.signalingState === 'stable') this.dispatchEvent(new Event('negotiationneeded'))
  }

  #enqueue(operation: () => Promise<void>): Promise<void> {
    const result = this.#chain.then(operation)
    this.#chain = result.catch(() => undefined)
    return result
  }
}

function description(type: RTCSdpType, sdp: string): RTCSessionDescription {
  return { type, sdp, toJSON: () => ({ type, sdp }) }
}
