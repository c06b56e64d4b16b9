/** The numbered frames of the server: each is taken once and in order, and acknowledged now and then. */
import type { ServerMessage } from '@/protocol/messages'

/** `gap`: something in between is missing, so the connection is broken. */
export type Arrival = 'new' | 'seen' | 'gap'

/** The server may let go of so many frames at the latest. */
const ACKNOWLEDGE_AFTER = 32

export class Incoming {
  #last = 0
  #acknowledged = 0

  /** The number of the last frame that arrived, 0 before the first. */
  get last(): number {
    return this.#last
  }

  /** How many frames arrived that the server does not know of. */
  get owed(): number {
    return this.#last - this.#acknowledged
  }

  get mustAcknowledge(): boolean {
    return this.owed >= ACKNOWLEDGE_AFTER
  }

  take(frame: ServerMessage): Arrival {
    // `ack` and `resumed` belong to a connection, not to the session; a newer server may have more of the kind.
    if (!('seq' in frame) || typeof frame.seq !== 'number') return 'new'
    if (frame.seq <= this.#last) return 'seen'
    if (frame.seq !== this.#last + 1) return 'gap'
    this.#last = frame.seq
    return 'new'
  }

  /** Return the number to acknowledge. */
  acknowledge(): number {
    this.#acknowledged = this.#last
    return this.#last
  }

  clear(): void {
    this.#last = 0
    this.#acknowledged = 0
  }
}
