/**
 * The line to the server: opens a socket, says hello or resumes, and makes of many connections one session in which
 * each frame arrives once and in order, both ways.
 */
import type { ClientMessage, ServerMessage } from '@/protocol/messages'
import { Incident, type SocketTrouble } from './incident'
import { Incoming } from './incoming'
import { Outgoing } from './outgoing'
import type { Dial, EndReason } from './types'

export interface SocketLike {
  readonly readyState: number
  onopen: ((event: Event) => void) | null
  onmessage: ((event: MessageEvent) => void) | null
  onclose: ((event: CloseEvent) => void) | null
  send(data: string): void
  close(code?: number): void
}

/** What the next connection is for: a session that goes on needs no credentials, unless they ran out. */
export interface Need {
  readonly resume: boolean
  readonly refresh: boolean
}

export interface SignalingOptions {
  /** The address to open, with a ticket for people who are signed in. May throw `RefusedError`. */
  readonly address: (need: Need) => Promise<string>
  readonly createSocket: (url: string) => SocketLike
  readonly onFrame: (frame: ServerMessage) => void
  /** `ownLateDial`: a connection that we gave up may have taken the session over. */
  readonly onClosed: (code: number, ownLateDial: boolean) => void
  readonly onRefused: (reason: EndReason) => void
  /** Tell the server over HTTP that no socket can be had. Rejects when that could not be told either. */
  readonly reportTrouble?: ((trouble: SocketTrouble) => Promise<unknown>) | undefined
  readonly now?: () => number
}

/** There is no way in, and trying again will not help. */
export class RefusedError extends Error {
  readonly reason: EndReason

  constructor(reason: EndReason) {
    super(`refused: ${reason}`)
    this.name = 'RefusedError'
    this.reason = reason
  }
}

const OPEN = 1
const NO_CODE = 1006
/** Codes from here on are the application's own (RFC 6455 §7.4.2). */
const FROM_SERVER = 4000
const STATE_LOST = 4002
/** The session ends at once. */
const ENDED = 1000
/** The server keeps the session for us to go on with. */
const ABANDONED = 4100
const DIAL_MS = 8_000
/** A dial that takes longer is not waited for when there is a reason to try anew. */
const SLOW_DIAL_MS = 2_000
const ACKNOWLEDGE_MS = 3_000
/** How long a connection that was given up may still come through. */
const LATE_DIAL_MS = 60_000

export class Signaling {
  readonly #options: SignalingOptions
  readonly #now: () => number
  readonly #outgoing = new Outgoing()
  readonly #incoming = new Incoming()
  readonly #incident: Incident
  #socket: SocketLike | null = null
  /** Grows with each connection and disconnection, so that a late answer of an old one changes nothing. */
  #generation = 0
  #dialingSince: number | null = null
  /** Whether the connection that is being opened is to begin a session. */
  #beginning = false
  #resumeSent = false
  /** Whether the connection that is being opened has a socket, and whether that opened. */
  #opened: boolean | null = null
  #tooLate = false
  #lateDialUntil = 0
  /** The place of the last gap: one that stays says that the session is broken. */
  #gapAfter = -1
  #heardAt = 0
  #dialTimer: ReturnType<typeof setTimeout> | undefined
  #ackTimer: ReturnType<typeof setTimeout> | undefined

  constructor(options: SignalingOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#incident = new Incident((trouble) => options.reportTrouble?.(trouble) ?? Promise.resolve())
  }

  /** When the server was last heard, in milliseconds of `now`; null while there is no connection. */
  get heardAt(): number | null {
    return this.#socket && this.#dialingSince === null ? this.#heardAt : null
  }

  /** Open the socket; a no-op while one is open or is being opened and still may come through. */
  async connect(dial: Dial): Promise<void> {
    if (this.#dialingSince !== null && this.#now() - this.#dialingSince >= SLOW_DIAL_MS) this.#abandon()
    if (this.#dialingSince !== null || this.#socket) return
    const generation = ++this.#generation
    const resume = this.#resumable(dial)
    this.#dialingSince = this.#now()
    this.#beginning = resume === null
    this.#tooLate = dial.resume !== null && this.#now() >= dial.resume.until
    this.#dialTimer = setTimeout(() => this.#fail(), DIAL_MS)
    let url: string
    try {
      url = await this.#options.address({ resume: resume !== null, refresh: dial.refresh })
    } catch (error) {
      if (generation !== this.#generation) return
      if (error instanceof RefusedError) {
        this.#abandon()
        this.#options.onRefused(error.reason)
      } else this.#fail()
      return
    }
    if (generation === this.#generation) this.#open(url, dial, resume)
  }

  /** Close; nothing is reported afterwards. `final` ends the session, else the server keeps it. */
  disconnect(final: boolean): void {
    this.#abandon(final)
    if (!final) return
    this.#outgoing.clear()
    this.#incoming.clear()
    this.#incident.over()
  }

  /** Send a frame, now or when the session goes on. */
  send(frame: ClientMessage): void {
    const live = this.#isLive()
    this.#outgoing.add(frame, live)
    if (live) this.#transmit(frame)
  }

  /** Ask for an `ack`: a sign of life that nobody else hears of. */
  probe(id: number): void {
    if (this.#isLive()) this.#transmit({ type: 'ack', seq: this.#incoming.acknowledge(), id })
  }

  #isLive(): boolean {
    return this.#dialingSince === null && this.#socket?.readyState === OPEN
  }

  #transmit(frame: ClientMessage): void {
    this.#socket?.send(JSON.stringify(frame))
  }

  #resumable({ resume }: Dial): string | null {
    return resume && this.#now() < resume.until && !this.#outgoing.overflowed ? resume.token : null
  }

  #open(address: string, dial: Dial, resume: string | null): void {
    const generation = this.#generation
    let socket: SocketLike
    this.#opened = false
    try {
      const url = new URL(address)
      url.searchParams.set('v', '2')
      socket = this.#options.createSocket(url.href)
    } catch {
      // An address that this page may not open, such as ws:// on an https page.
      this.#fail()
      return
    }
    this.#socket = socket
    socket.onopen = () => {
      if (generation !== this.#generation) return
      this.#opened = true
      this.#introduce(dial, resume)
    }
    socket.onmessage = ({ data }) => {
      if (generation !== this.#generation) return
      this.#heardAt = this.#now()
      const frame = parseFrame(data)
      if (frame) this.#receive(frame, resume !== null)
    }
    socket.onclose = ({ code }) => {
      if (generation !== this.#generation) return
      const ownLateDial = this.#now() < this.#lateDialUntil
      this.#lateDialUntil = 0
      this.#countFailure(code)
      this.#forget()
      this.#options.onClosed(code, ownLateDial)
    }
  }

  #introduce({ hello }: Dial, resume: string | null): void {
    if (resume === null) {
      this.#incoming.clear()
      this.#gapAfter = -1
      this.#transmit({ type: 'hello', ...hello })
    } else {
      this.#resumeSent = true
      this.#transmit({ type: 'resume', resumeToken: resume, lastSeq: this.#incoming.last })
    }
  }

  #receive(frame: ServerMessage, resuming: boolean): void {
    // Until the session goes on, nothing belongs to it.
    if (this.#dialingSince !== null && resuming && frame.type !== 'resumed') return
    const arrival = this.#incoming.take(frame)
    if (arrival === 'gap') this.#onGap()
    if (arrival !== 'new') return
    this.#answer()
    if (frame.type === 'resumed') {
      this.#entered()
      for (const missed of this.#outgoing.resume(frame.lastId)) this.#transmit(missed)
    } else if (frame.type === 'welcome' || frame.type === 'waiting') {
      this.#entered()
      if (frame.type === 'welcome') this.#outgoing.clear()
    } else if (frame.type === 'ack') {
      this.#outgoing.acknowledge(frame.id)
    }
    this.#options.onFrame(frame)
  }

  #entered(): void {
    this.#dialingSince = null
    this.#resumeSent = false
    this.#incident.over()
    clearTimeout(this.#dialTimer)
  }

  /** A frame got lost inside a connection, which only a fault can do: have it sent again, but not for ever. */
  #onGap(): void {
    const again = this.#gapAfter === this.#incoming.last
    this.#gapAfter = this.#incoming.last
    this.#abandon(again)
    this.#options.onClosed(again ? STATE_LOST : NO_CODE, false)
  }

  #answer(): void {
    if (this.#incoming.mustAcknowledge) this.#acknowledge()
    else if (this.#incoming.owed > 0) this.#ackTimer ??= setTimeout(() => this.#acknowledge(), ACKNOWLEDGE_MS)
  }

  #acknowledge(): void {
    clearTimeout(this.#ackTimer)
    this.#ackTimer = undefined
    if (this.#isLive() && this.#incoming.owed > 0)
      this.#transmit({ type: 'ack', seq: this.#incoming.acknowledge() })
  }

  /** A socket that leads nowhere; an address that could not be had, or a server that says no, is another matter. */
  #countFailure(code: number): void {
    if (this.#dialingSince === null || this.#opened === null || code >= FROM_SERVER) return
    this.#incident.failed({ code, opened: this.#opened, tooLate: this.#tooLate })
  }

  #fail(): void {
    this.#countFailure(NO_CODE)
    this.#abandon()
    this.#options.onClosed(NO_CODE, false)
  }

  /** Nobody comes back to a session that was about to begin: kept, it would stand in the room as a ghost. */
  #abandon(final = false): void {
    const beginning = this.#dialingSince !== null && this.#beginning
    const code = final || beginning || this.#outgoing.overflowed ? ENDED : ABANDONED
    if (this.#resumeSent) this.#lateDialUntil = this.#now() + LATE_DIAL_MS
    const socket = this.#socket
    this.#forget()
    socket?.close(code)
  }

  #forget(): void {
    this.#generation++
    this.#socket = null
    this.#dialingSince = null
    this.#resumeSent = false
    this.#opened = null
    clearTimeout(this.#dialTimer)
    clearTimeout(this.#ackTimer)
    this.#ackTimer = undefined
  }
}

/** Read a frame; null for what is none. A type that this client does not know passes: it may be numbered. */
export function parseFrame(data: unknown): ServerMessage | null {
  if (typeof data !== 'string') return null
  let frame: unknown
  try {
    frame = JSON.parse(data)
  } catch {
    return null
  }
  if (typeof frame !== 'object' || frame === null || !('type' in frame)) return null
  return typeof frame.type === 'string' ? (frame as ServerMessage) : null
}
