/** The record of a call, as signaling/core/calls/record.py has it. Times are milliseconds since 1970 UTC. */

export type LeaveReason =
  'left' | 'lost' | 'removed' | 'banned' | 'ended' | 'signed_out' | 'expired' | 'slow' | 'protocol' | 'server'

/** What came of an attempt to find a path. `unreported`: no side tells such things. */
export type Outcome = 'connecting' | 'connected' | 'failed' | 'timeout' | 'abandoned' | 'unreported'

export type AttemptKind = 'initial' | 'ice_restart' | 'rebuild'

export type CallEventKind =
  | 'join'
  | 'leave'
  | 'lost'
  | 'back'
  | 'refused'
  | 'offer'
  | 'answer'
  | 'connected'
  | 'disconnected'
  | 'failed'
  | 'timeout'
  | 'abandoned'
  | 'ice_restart'
  | 'rebuild'
  | 'media_error'
  | 'media'
  | 'role'
  | 'unreachable'

/** What is as it usually is may be left out of the answer. */
export interface CallMember {
  readonly id: string
  readonly name: string
  readonly role: 'host' | 'moderator' | 'member' | 'guest'
  readonly joinedAt: number
  readonly kind?: 'person' | 'recorder'
  readonly account?: boolean
  /** The first part of the address, /24 or /48. */
  readonly network?: string
  readonly browser?: string
  readonly leftAt?: number | null
  readonly leaveReason?: LeaveReason | null
}

export interface CandidateCounts {
  readonly host?: number
  readonly srflx?: number
  readonly prflx?: number
  readonly relay?: number
}

type CandidateType = keyof CandidateCounts

/** The path that media takes, as one browser sees it. */
export interface SelectedPair {
  readonly local?: CandidateType | null
  readonly remote?: CandidateType | null
  readonly protocol?: 'udp' | 'tcp' | null
  readonly relayProtocol?: 'udp' | 'tcp' | 'tls' | null
  readonly family?: 'v4' | 'v6' | null
}

/** What one browser said last of an attempt. */
export interface SideReport {
  readonly state?: string
  readonly elapsedMs?: number | null
  readonly gatheringMs?: number | null
  readonly iceMs?: number | null
  readonly local?: CandidateCounts | null
  readonly remote?: CandidateCounts | null
  readonly serverErrors?: readonly number[]
  readonly pair?: SelectedPair | null
}

export interface CallAttempt {
  readonly kind: AttemptKind
  readonly startedAt: number
  readonly offeredBy?: string
  readonly answeredAt?: number | null
  readonly settledAt?: number | null
  readonly outcome?: Outcome
  /** Candidates that the server passed on, by the member who sent them. */
  readonly relayed?: Readonly<Record<string, CandidateCounts>>
  /** By the member who reported. */
  readonly reports?: Readonly<Record<string, SideReport>>
}

/** Mean and worst. */
export type Spread = readonly [mean: number, worst: number]

/** How media flowed, as one browser saw it. */
export interface CallQuality {
  readonly digests?: number
  readonly rttMs?: Spread | null
  readonly jitterMs?: Spread | null
  /** Share of packets, 0 to 1. */
  readonly lossIn?: Spread | null
  readonly lossOut?: Spread | null
  readonly bitrateIn?: number | null
  readonly bitrateOut?: number | null
  readonly freezes?: number
  readonly frozenMs?: number
  readonly limitedByCpu?: number
  readonly limitedByBandwidth?: number
  readonly pair?: SelectedPair | null
}

/** `a` came before `b`. */
export interface CallPair {
  readonly a: string
  readonly b: string
  readonly attempts?: readonly CallAttempt[]
  readonly moreAttempts?: number
  readonly connectedAt?: number | null
  readonly outcome?: Outcome
  /** By the member who reported. */
  readonly quality?: Readonly<Record<string, CallQuality>>
}

export interface CallEvent {
  readonly at: number
  readonly kind: CallEventKind
  readonly member?: string
  readonly other?: string
  readonly detail?: string
}

export interface CallRecord {
  readonly id: string
  readonly room: string
  readonly startedAt: number
  readonly endedAt?: number | null
  readonly members?: readonly CallMember[]
  readonly pairs?: readonly CallPair[]
  readonly events?: readonly CallEvent[]
  /** What came beyond the bounds of a record. */
  readonly moreMembers?: number
  readonly morePairs?: number
  /** Of those, how many failed. */
  readonly moreFailed?: number
  readonly moreEvents?: number
  /** The server ended without writing the end. */
  readonly interrupted?: boolean
}

export type CallResult = 'ok' | 'degraded' | 'failed' | 'empty'

/** One call in the list of a room. */
export interface CallEntry {
  readonly id: string
  readonly startedAt: number
  readonly endedAt: number | null
  readonly people: number
  readonly result: CallResult
  readonly cause: string | null
  readonly text: string
  readonly running: boolean
}

export interface CallPage {
  /** Newest first. */
  readonly calls: readonly CallEntry[]
  /** Where the next older page begins; null at the end. */
  readonly next: string | null
}

/** What the server thinks went wrong, and what helps. */
export interface Finding {
  readonly cause: string
  readonly severity: 'failed' | 'degraded' | 'note'
  readonly at: number | null
  readonly members: readonly string[]
  readonly text: string
  /** For the operator. */
  readonly advice: string
  /** For people in the call. */
  readonly hostAdvice: string
}

export interface ExplainedCall {
  readonly call: CallRecord
  readonly findings: readonly Finding[]
  readonly summary: { readonly result: CallResult; readonly cause: string | null; readonly text: string }
  readonly traceUrl: string | null
}
