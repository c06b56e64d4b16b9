/**
 * What to do when media stops flowing to one member: first another path (ICE restart, W3C WebRTC §4.4.3.3), then another
 * RTCPeerConnection. Both sides run this; the one that leads acts first, so that they rarely act at once.
 */

export interface RecoveryOptions {
  /** Whether this side acts first. */
  readonly leads: boolean
  /** Whether a signal would reach the other side now. */
  readonly canReach: () => boolean
  readonly restart: () => void
  readonly rebuild: () => void
  readonly random: () => number
  readonly now: () => number
}

/** A lost path often heals by itself. */
const HEALING_MS = 3_000
/** How much longer the other side waits before each step. */
const PATIENCE_MS = 2_000
const RESTART_MS = 10_000
const CONNECT_MS = 15_000
/** A first connection in which nothing begins, because nothing can be gathered: it never fails by itself. */
const BEGIN_MS = 25_000
const MOST_RESTARTS = 2
/** The one that does not lead begins a new connection only when the other one plainly does not. */
const REBUILD_PATIENCE_MS = 8_000
const REBUILD_STEP_MS = 2_000
const REBUILD_LONGEST_MS = 30_000
const MOST_REBUILDS = 10
/** A connection that held so long was a good one: the next loss starts from the beginning. */
const STABLE_MS = 20_000

export class Recovery {
  readonly #options: RecoveryOptions
  #state: RTCPeerConnectionState = 'new'
  /** Whether this RTCPeerConnection ever carried media: an ICE restart of one that did not mends nothing. */
  #worked = false
  #connectedAt = 0
  #restarts = 0
  #rebuilds = 0
  /** Whether a restart still has time to show that it leads somewhere. */
  #restarting = false
  /** Something was to be done while no signal could pass. */
  #overdue = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(options: RecoveryOptions) {
    this.#options = options
  }

  /** Take in what the RTCPeerConnection says of itself. */
  changed(state: RTCPeerConnectionState): void {
    this.#state = state
    if (state === 'connected') this.#onConnected()
    else if (state === 'disconnected') this.#onDisconnected()
    else if (state === 'failed') this.#in(this.#patience(), () => this.#mend())
  }

  /**
   * Try again, now that there is reason to hope: a signal can pass again, or there is another network.
   *
   * @param all also look for a better path where the present one seems to work.
   */
  kick(all: boolean): void {
    const broken = this.#state === 'disconnected' || this.#state === 'failed'
    const stuck = this.#overdue || this.#restarts > 0 || this.#rebuilds > 0
    if (!broken && !(stuck && this.#state !== 'connected') && !(all && this.#worked)) return
    this.#restarts = 0
    this.#rebuilds = 0
    this.#mend()
  }

  /** Both sides have described their ends. */
  described(): void {
    if (this.#state !== 'new' || this.#timer !== undefined) return
    this.#in(BEGIN_MS, () => {
      if (this.#state === 'new') this.#mend()
    })
  }

  /** There is another RTCPeerConnection now, of our making or theirs. */
  rebuilt(): void {
    this.#state = 'new'
    this.#worked = false
    this.#overdue = false
    this.#restarts = 0
    this.#in(CONNECT_MS, () => this.#mend())
  }

  close(): void {
    this.#cancel()
  }

  /** The old path may well break while a new one is sought: that takes nothing from the time it was given. */
  #onDisconnected(): void {
    if (!this.#restarting) this.#in(HEALING_MS + this.#patience(), () => this.#mend())
  }

  #onConnected(): void {
    this.#cancel()
    this.#worked = true
    this.#overdue = false
    this.#restarts = 0
    this.#connectedAt = this.#options.now()
  }

  #mend(): void {
    this.#cancel()
    if (!this.#mayAct()) return
    if (this.#worked && this.#options.now() - this.#connectedAt > STABLE_MS) this.#rebuilds = 0
    if (this.#worked && this.#mayRestart()) this.#restart()
    else this.#planRebuild()
  }

  /** Without signals nothing can be agreed on; `kick` comes when they pass again. */
  #mayAct(): boolean {
    this.#overdue = !this.#options.canReach()
    return !this.#overdue
  }

  /** A restart that leads nowhere is given one more chance only when it failed outright and quickly. */
  #mayRestart(): boolean {
    return this.#restarts === 0 || (this.#state === 'failed' && this.#restarts < MOST_RESTARTS)
  }

  #restart(): void {
    this.#restarts++
    this.#options.restart()
    // One that failed says so only once.
    if (this.#state === 'failed') this.#state = 'connecting'
    this.#in(RESTART_MS, () => {
      // A path that worked all along says nothing; the next loss may be mended by a restart again.
      if (this.#state === 'connected') this.#restarts = 0
      else this.#mend()
    })
    this.#restarting = true
  }

  #planRebuild(): void {
    if (this.#rebuilds >= MOST_REBUILDS) return
    const step = Math.min(REBUILD_STEP_MS * 2 ** this.#rebuilds, REBUILD_LONGEST_MS)
    const backoff = this.#rebuilds === 0 ? 0 : step / 2 + (this.#options.random() * step) / 2
    this.#in(backoff + (this.#options.leads ? 0 : REBUILD_PATIENCE_MS), () => {
      if (!this.#mayAct()) return
      this.#rebuilds++
      this.#options.rebuild()
    })
  }

  #patience(): number {
    return this.#options.leads ? 0 : PATIENCE_MS
  }

  #in(delayMs: number, act: () => void): void {
    this.#cancel()
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#restarting = false
      act()
    }, delayMs)
  }

  #cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#restarting = false
  }
}
