/** A line to the server that cannot be had: what to say of it by other means. */

export interface SocketTrouble {
  /** `socket_blocked`: no socket ever opened. `socket_lost`: none came in time to go on with the session. */
  readonly reason: 'socket_blocked' | 'socket_lost'
  /** How many sockets failed in a row. */
  readonly attempts: number
  /** Of the last one (RFC 6455 §7.4). */
  readonly closeCode: number
}

export interface DialFailure {
  readonly code: number
  readonly opened: boolean
  /** The session that was to go on is over. */
  readonly tooLate: boolean
}

const BLOCKED_AFTER = 3

/** From the first socket that fails to the next that leads in; it is told once. */
export class Incident {
  readonly #tell: (trouble: SocketTrouble) => Promise<unknown>
  #attempts = 0
  #opened = false
  #told = false

  constructor(tell: (trouble: SocketTrouble) => Promise<unknown>) {
    this.#tell = tell
  }

  failed({ code, opened, tooLate }: DialFailure): void {
    this.#attempts++
    this.#opened ||= opened
    const blocked = !this.#opened && this.#attempts >= BLOCKED_AFTER
    if (this.#told || !(blocked || tooLate)) return
    this.#told = true
    const reason = blocked ? 'socket_blocked' : 'socket_lost'
    // Whoever is offline tells it when the next socket fails, if HTTP passes by then.
    this.#tell({ reason, attempts: this.#attempts, closeCode: code }).catch(() => (this.#told = false))
  }

  over(): void {
    this.#attempts = 0
    this.#opened = false
    this.#told = false
  }
}
