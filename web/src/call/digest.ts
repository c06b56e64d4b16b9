/** The media of one pair since the last digest, for the server. */
import type { PeerStats } from '@/protocol/messages'
import { known } from './known'
import type { Report } from './selected-pair'
import { most, numberOf, readStats, toMs, type VideoMids } from './stats'

export type Digest = Omit<PeerStats, 'clientId'>
export type ReadDigest = typeof readDigest

/** What browsers count since the connection began: in reports of which type and kind, under which name. */
const COUNTERS = {
  bytesIn: ['inbound-rtp', null, 'bytesReceived'],
  bytesOut: ['outbound-rtp', null, 'bytesSent'],
  audioIn: ['inbound-rtp', 'audio', 'packetsReceived'],
  audioLostIn: ['inbound-rtp', 'audio', 'packetsLost'],
  audioOut: ['outbound-rtp', 'audio', 'packetsSent'],
  audioLostOut: ['remote-inbound-rtp', 'audio', 'packetsLost'],
  videoIn: ['inbound-rtp', 'video', 'packetsReceived'],
  videoLostIn: ['inbound-rtp', 'video', 'packetsLost'],
  videoOut: ['outbound-rtp', 'video', 'packetsSent'],
  videoLostOut: ['remote-inbound-rtp', 'video', 'packetsLost'],
  freezes: ['inbound-rtp', 'video', 'freezeCount'],
  frozenS: ['inbound-rtp', 'video', 'totalFreezesDuration'],
} as const

type Counter = keyof typeof COUNTERS
type Counts = Readonly<Record<Counter, number | null>>

/** Counts of one reading, kept to tell what happened until the next. */
export interface Counted {
  readonly at: number
  readonly counts: Partial<Counts>
}

/** Read a report of one peer connection. `before`: what was counted at the last reading. */
export function readDigest(
  reports: readonly Report[],
  mids: VideoMids,
  before: Counted,
  now: number,
): { digest: Digest; counted: Counted } {
  const counts = countAll(reports)
  const grown = growth(before.counts, counts)
  const { rttMs, path, received, sent } = readStats(reports, mids, null, now).stats
  const [theirs, ours] = [received.camera ?? received.screen, sent.camera ?? sent.screen]
  const perSecond = (bytes: number | null) =>
    bytes === null || now <= before.at ? null : (bytes * 8_000) / (now - before.at)
  const digest = known<Digest>({
    pair: path && known(path),
    rttMs,
    audioJitterMs: jitter(reports, 'audio'),
    videoJitterMs: jitter(reports, 'video'),
    audioLossIn: share(grown.audioLostIn, grown.audioIn, grown.audioLostIn),
    audioLossOut: share(grown.audioLostOut, grown.audioOut),
    videoLossIn: share(grown.videoLostIn, grown.videoIn, grown.videoLostIn),
    videoLossOut: share(grown.videoLostOut, grown.videoOut),
    bitrateIn: perSecond(grown.bytesIn),
    bitrateOut: perSecond(grown.bytesOut),
    freezes: grown.freezes,
    frozenMs: toMs(grown.frozenS),
    limitedBy: ours?.limitedBy,
    widthIn: theirs?.width,
    heightIn: theirs?.height,
    fpsIn: theirs?.framesPerSecond,
    widthOut: ours?.width,
    heightOut: ours?.height,
    fpsOut: ours?.framesPerSecond,
  })
  return { digest, counted: { at: now, counts } }
}

function countAll(reports: readonly Report[]): Counts {
  const count = ([type, kind, name]: (typeof COUNTERS)[Counter]) => {
    const values = reports
      .filter((report) => report.type === type && (kind === null || report.kind === kind))
      .map((report) => numberOf(report, name))
      .filter((value) => value !== null)
    return values.length > 0 ? values.reduce((total, value) => total + value) : null
  }
  return mapCounters((counter) => count(COUNTERS[counter]))
}

/** How much each count grew; null where it is not known. */
function growth(before: Partial<Counts>, after: Counts): Counts {
  return mapCounters((counter) => {
    const value = after[counter]
    return value === null ? null : Math.max(0, value - (before[counter] ?? 0))
  })
}

function mapCounters(read: (counter: Counter) => number | null): Counts {
  const names = Object.keys(COUNTERS) as Counter[]
  return Object.fromEntries(names.map((name) => [name, read(name)])) as Counts
}

function share(part: number | null, ...whole: (number | null)[]): number | null {
  const total = whole.reduce<number>((sum, value) => sum + (value ?? 0), 0)
  return part === null || total === 0 ? null : Math.min(1, part / total)
}

function jitter(reports: readonly Report[], kind: string): number | null {
  return toMs(
    most(
      reports.filter((report) => report.type === 'inbound-rtp' && report.kind === kind),
      'jitter',
    ),
  )
}
