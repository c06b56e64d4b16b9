/**
 * What one RTCPeerConnection tells of its way to the other side: its states, how long each step took, which candidates
 * there were and which pair was taken. Never an address.
 */
import type { ReportPath } from '@/protocol/messages'
import { collectCandidates, countCandidates, isOtherKind } from './candidates'
import { known } from './known'
import { readPath, type Report } from './selected-pair'

export type PathReport = Omit<ReportPath, 'type' | 'id' | 'clientId'>
type Reason = NonNullable<ReportPath['reason']>

export interface PathWatchOptions {
  /** The id that signals of this RTCPeerConnection carry now. */
  readonly id: () => string
  readonly onReport: (report: PathReport) => void
  readonly now: () => number
}

/** One search for a path: the first, or an ICE restart. */
interface Attempt {
  startedAt: number | null
  readonly restart: boolean
  gatheringMs?: number | undefined
  iceMs?: number | undefined
  /** When both sides had agreed on an ICE restart. */
  agreedMs?: number | undefined
  /** Whether the state was told since. */
  told: boolean
  readonly local: Set<string>
  readonly remote: Set<string>
  readonly errors: Set<number>
}

const MOST_ERRORS = 8
/** An answer that takes longer is not coming. */
const ANSWER_MS = 15_000
/** A path that was broken when it was agreed to seek another shows it by then. */
const SETTLE_MS = 5_000
/** A path is found long before. Where nothing can be gathered the state stays `new`, and no event ever says so. */
const STALL_MS = 20_000

export class PathWatch {
  readonly #connection: RTCPeerConnection
  readonly #options: PathWatchOptions
  readonly #stop = new AbortController()
  #attempt = begin(null)
  #ufrag: string | undefined
  /** A report that waits for the pair it is about. */
  #waiting: PathReport | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Set, once in each attempt, when both sides have described their ends. */
  #stallTimer: ReturnType<typeof setTimeout> | undefined

  constructor(connection: RTCPeerConnection, options: PathWatchOptions) {
    this.#connection = connection
    this.#options = options
    const { signal } = this.#stop
    connection.addEventListener('connectionstatechange', () => this.#onState(), { signal })
    connection.addEventListener('iceconnectionstatechange', () => this.#onIceState(), { signal })
    connection.addEventListener('icecandidate', (event) => this.#onCandidate(event), { signal })
    connection.addEventListener('icecandidateerror', (event) => this.#onError(event), { signal })
  }

  /** An offer of ours goes out. */
  offered(): void {
    this.#attempt.startedAt ??= this.#options.now()
    this.#in(ANSWER_MS, () => this.tell('no_answer'))
  }

  /** A description of the other side is in place. */
  described(type: 'offer' | 'answer'): void {
    clearTimeout(this.#timer)
    const { sdp = '' } = this.#connection.remoteDescription ?? {}
    const ufrag = /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1]
    // New credentials in an offer are an ICE restart of the other side (RFC 8839 §4.4.1.1.1).
    if (type === 'offer' && this.#ufrag !== undefined && ufrag !== this.#ufrag) this.#beginAnew()
    this.#ufrag = ufrag
    this.#attempt.startedAt ??= this.#options.now()
    collectCandidates(this.#attempt.remote, sdp)
    this.#stallTimer ??= setTimeout(() => this.tellIfOpen(), STALL_MS)
    if (this.#attempt.restart && !this.#attempt.told) this.#agreed()
  }

  /** A candidate of the other side was added. */
  added(candidate: string): void {
    collectCandidates(this.#attempt.remote, candidate)
  }

  /** We begin an ICE restart. */
  restarting(): void {
    this.#beginAnew()
    this.tell('ice_restart')
  }

  /** Tell what became of an attempt that both sides agreed to and that neither connected nor failed. */
  tellIfOpen(): void {
    const { connectionState: state } = this.#connection
    if (this.#stallTimer !== undefined && (state === 'new' || state === 'connecting')) this.tell()
  }

  /** Tell where things stand. What is told comes out in order, though the pair is not known at once. */
  tell(reason: Reason = 'state', elapsedMs = this.#elapsed()): void {
    const report = this.#report(reason, elapsedMs)
    this.#flush()
    if (reason !== 'state' || report.state !== 'connected') this.#options.onReport(report)
    else void this.#tellWithPair(report)
  }

  close(): void {
    this.#stop.abort()
    this.#waiting = null
    clearTimeout(this.#timer)
    clearTimeout(this.#stallTimer)
  }

  #beginAnew(): void {
    clearTimeout(this.#stallTimer)
    this.#stallTimer = undefined
    this.#attempt = begin(this.#options.now(), true)
  }

  #onState(): void {
    this.#attempt.told = true
    this.tell()
  }

  #onIceState(): void {
    const { iceConnectionState: state } = this.#connection
    if (state === 'connected' || state === 'completed') this.#attempt.iceMs ??= this.#elapsed()
  }

  #onCandidate({ candidate }: RTCPeerConnectionIceEvent): void {
    if (candidate) collectCandidates(this.#attempt.local, candidate.candidate)
    else this.#attempt.gatheringMs ??= this.#elapsed()
  }

  #onError({ errorCode, errorText }: RTCPeerConnectionIceErrorEvent): void {
    const { errors } = this.#attempt
    if (errors.size < MOST_ERRORS && !isOtherKind(errorText)) errors.add(errorCode)
  }

  /** A path that works all along changes no state by an ICE restart, so nothing else would tell how it ended. */
  #agreed(): void {
    const attempt = this.#attempt
    attempt.agreedMs ??= this.#elapsed()
    this.#in(SETTLE_MS, () => {
      if (attempt !== this.#attempt || attempt.told || this.#connection.connectionState !== 'connected')
        return
      attempt.told = true
      this.tell('state', attempt.agreedMs)
    })
  }

  #report(reason: Reason, elapsedMs: number | undefined): PathReport {
    const { gatheringMs, iceMs, local, remote, errors } = this.#attempt
    return known<PathReport>({
      connection: this.#options.id(),
      state: this.#connection.connectionState,
      iceState: this.#connection.iceConnectionState,
      reason,
      elapsedMs,
      gatheringMs,
      iceMs,
      local: countCandidates(local),
      remote: countCandidates(remote),
      serverErrors: errors.size > 0 ? ([...errors] as NonNullable<PathReport['serverErrors']>) : null,
    })
  }

  async #tellWithPair(report: PathReport): Promise<void> {
    this.#waiting = report
    const stats = await this.#connection.getStats().catch(() => null)
    if (this.#waiting !== report) return
    const path = readPath([...(stats?.values() ?? [])] as Report[])
    this.#waiting = path ? { ...report, pair: known(path) } : report
    this.#flush()
  }

  #flush(): void {
    const report = this.#waiting
    this.#waiting = null
    if (report) this.#options.onReport(report)
  }

  #elapsed(): number | undefined {
    const { startedAt } = this.#attempt
    return startedAt === null ? undefined : Math.max(0, Math.round(this.#options.now() - startedAt))
  }

  #in(delayMs: number, act: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(act, delayMs)
  }
}

function begin(startedAt: number | null, restart = false): Attempt {
  return { startedAt, restart, told: false, local: new Set(), remote: new Set(), errors: new Set() }
}
