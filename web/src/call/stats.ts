/** Numbers about the media of one pair, from the browser's reports (W3C WebRTC Statistics). */
import { readPath, selectedPair, type Path, type Report } from './selected-pair'

export interface VideoStats {
  readonly width: number | null
  readonly height: number | null
  readonly framesPerSecond: number | null
}

export interface ReceivedVideo extends VideoStats {
  /** How often the picture stood still since the connection began, and for how long altogether. */
  readonly freezes: number
  readonly frozenMs: number
}

export interface SentVideo extends VideoStats {
  /** Why the picture is not as good as it could be. */
  readonly limitedBy: 'none' | 'cpu' | 'bandwidth' | 'other'
}

export interface PeerStats {
  readonly rttMs: number | null
  readonly jitterMs: number | null
  /** Share of packets that did not arrive, 0 to 1, since the last question: of theirs here, of ours there. */
  readonly lossIn: number | null
  readonly lossOut: number | null
  /** Bits per second since the last question; null at the first one. */
  readonly bitrateIn: number | null
  readonly bitrateOut: number | null
  readonly path: Path | null
  readonly received: { readonly camera: ReceivedVideo | null; readonly screen: ReceivedVideo | null }
  readonly sent: { readonly camera: SentVideo | null; readonly screen: SentVideo | null }
}

/** Totals of one reading, kept to tell what happened between two. */
export interface Totals {
  readonly at: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly packetsIn: number
  readonly lostIn: number
}

/** The media ids (`mid`) of camera and screen, to tell the two apart. */
export interface VideoMids {
  readonly camera: string | null
  readonly screen: string | null
}

export type ReadStats = typeof readStats

/** Read a report of one peer connection. `before`: the totals of the last reading. */
export function readStats(
  reports: Iterable<Report>,
  mids: VideoMids,
  before: Totals | null,
  now: number,
): { stats: PeerStats; totals: Totals } {
  const all = [...reports]
  const ofType = (type: string) => all.filter((report) => report.type === type)
  const inbound = ofType('inbound-rtp')
  const outbound = ofType('outbound-rtp')
  const remoteInbound = ofType('remote-inbound-rtp')
  const pair = selectedPair(all)
  const totals: Totals = {
    at: now,
    bytesIn: sum(inbound, 'bytesReceived'),
    bytesOut: sum(outbound, 'bytesSent'),
    packetsIn: sum(inbound, 'packetsReceived'),
    lostIn: sum(inbound, 'packetsLost'),
  }
  const rtt = numberOf(pair, 'currentRoundTripTime') ?? most(remoteInbound, 'roundTripTime')
  const rttMs = toMs(rtt)
  const lossIn = lossBetween(before, totals)
  const lossOut = most(remoteInbound, 'fractionLost')
  const video = (from: readonly Report[], mid: string | null) =>
    mid === null ? undefined : from.find((report) => report.kind === 'video' && report.mid === mid)
  const stats: PeerStats = {
    rttMs,
    jitterMs: toMs(most(inbound, 'jitter')),
    lossIn,
    lossOut,
    bitrateIn: bitrate(before, totals, 'bytesIn'),
    bitrateOut: bitrate(before, totals, 'bytesOut'),
    path: readPath(all),
    received: {
      camera: toReceived(video(inbound, mids.camera)),
      screen: toReceived(video(inbound, mids.screen)),
    },
    sent: { camera: toSent(video(outbound, mids.camera)), screen: toSent(video(outbound, mids.screen)) },
  }
  return { stats, totals }
}

function toVideo(report: Report): VideoStats {
  return {
    width: numberOf(report, 'frameWidth'),
    height: numberOf(report, 'frameHeight'),
    framesPerSecond: numberOf(report, 'framesPerSecond'),
  }
}

function toReceived(report: Report | undefined): ReceivedVideo | null {
  // Without a picture there is nothing to tell.
  if (!report || !numberOf(report, 'framesDecoded')) return null
  return {
    ...toVideo(report),
    freezes: numberOf(report, 'freezeCount') ?? 0,
    frozenMs: toMs(numberOf(report, 'totalFreezesDuration')) ?? 0,
  }
}

function toSent(report: Report | undefined): SentVideo | null {
  if (!report || !numberOf(report, 'framesEncoded')) return null
  const limitedBy = report.qualityLimitationReason
  const known = limitedBy === 'cpu' || limitedBy === 'bandwidth' || limitedBy === 'other'
  return { ...toVideo(report), limitedBy: known ? limitedBy : 'none' }
}

function lossBetween(before: Totals | null, after: Totals): number | null {
  if (!before) return null
  const arrived = after.packetsIn - before.packetsIn
  const lost = Math.max(0, after.lostIn - before.lostIn)
  return arrived + lost > 0 ? lost / (arrived + lost) : null
}

function bitrate(before: Totals | null, after: Totals, key: 'bytesIn' | 'bytesOut'): number | null {
  if (!before || after.at <= before.at) return null
  return Math.max(0, ((after[key] - before[key]) * 8 * 1000) / (after.at - before.at))
}

export function numberOf(report: Report | undefined, key: string): number | null {
  const value = report?.[key]
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

function sum(reports: readonly Report[], key: string): number {
  return reports.reduce((total, report) => total + (numberOf(report, key) ?? 0), 0)
}

export function most(reports: readonly Report[], key: string): number | null {
  const values = reports.map((report) => numberOf(report, key)).filter((value) => value !== null)
  return values.length > 0 ? Math.max(...values) : null
}

export function toMs(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000
}
