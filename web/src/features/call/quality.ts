/** How well someone reaches us, in one word and in numbers people can read. */
import type { Path } from '@/call/selected-pair'
import type { PeerStats, ReceivedVideo } from '@/call/stats'

export type Quality = 'good' | 'fair' | 'poor' | 'lost'

/** At most so much of each, or the word is a worse one. Pictures come in bursts, so that their jitter counts little. */
const BOUNDS: readonly (readonly [
  Quality,
  Readonly<Record<'rttMs' | 'loss' | 'jitterMs' | 'freezes', number>>,
])[] = [
  ['good', { rttMs: 250, loss: 0.025, jitterMs: 60, freezes: 0 }],
  ['fair', { rttMs: 500, loss: 0.08, jitterMs: 200, freezes: 1 }],
]
/** A better word must hold for so many samples before it is shown; a worse one shows at once. */
const SAMPLES_TO_RECOVER = 3

/** Judge one sample. `freezes`: how often the picture stood still since the one before. */
export function rateStats({ rttMs, lossIn, lossOut, jitterMs }: PeerStats, freezes: number): Quality {
  const within = BOUNDS.find(
    ([, most]) =>
      (rttMs ?? 0) <= most.rttMs &&
      Math.max(lossIn ?? 0, lossOut ?? 0) <= most.loss &&
      (jitterMs ?? 0) <= most.jitterMs &&
      freezes <= most.freezes,
  )
  return within ? within[0] : 'poor'
}

/** All freezes of the pictures that come from someone. */
export function countFreezes({ received }: PeerStats): number {
  return (received.camera?.freezes ?? 0) + (received.screen?.freezes ?? 0)
}

export interface Rating {
  readonly quality: Quality
  /** How many samples in a row have been better than the word shown. */
  readonly better: number
}

const RANK: Readonly<Record<Quality, number>> = { good: 0, fair: 1, poor: 2, lost: 3 }

/** Go on with what one sample says, without flickering. A path that was lost and is back counts at once. */
export function rate(before: Rating | null, quality: Quality): Rating {
  if (!before || before.quality === 'lost' || RANK[quality] >= RANK[before.quality])
    return { quality, better: 0 }
  const better = before.better + 1
  return better >= SAMPLES_TO_RECOVER ? { quality, better: 0 } : { quality: before.quality, better }
}

const WORDS: Readonly<Record<Quality, string>> = {
  good: 'Good connection',
  fair: 'Fair connection, with small hitches',
  poor: 'Poor connection, picture and sound may break up',
  lost: 'No connection',
}

export function describeQuality(quality: Quality): string {
  return WORDS[quality]
}

/** The numbers of one sample with their names, in the order they are shown. */
export function listNumbers(stats: PeerStats): readonly (readonly [name: string, value: string])[] {
  const rows: [string, string][] = [
    ['Round trip', unit(stats.rttMs, 'ms')],
    ['Lost, incoming', percent(stats.lossIn)],
    ['Lost, outgoing', percent(stats.lossOut)],
    ['Jitter', unit(stats.jitterMs, 'ms')],
    ['Receiving', bitrate(stats.bitrateIn)],
    ['Sending', bitrate(stats.bitrateOut)],
    ['Picture', picture(stats.received.camera)],
  ]
  if (stats.received.screen) rows.push(['Screen', picture(stats.received.screen)])
  return [...rows, ['Path', stats.path ? describePath(stats.path) : UNKNOWN]]
}

const UNKNOWN = '–'

/** "Direct, UDP", or through whose relay and how we reach it. */
export function describePath({ local, remote, protocol, relayProtocol }: Path): string {
  const relayed = local === 'relay' || remote === 'relay'
  const how = (local === 'relay' ? relayProtocol : null) ?? protocol
  return `${relayed ? 'Through a relay' : 'Direct'}${how ? `, ${how.toUpperCase()}` : ''}`
}

function unit(value: number | null, name: string): string {
  return value === null ? UNKNOWN : `${Math.round(value)} ${name}`
}

function percent(share: number | null): string {
  return share === null ? UNKNOWN : `${Math.round(share * 1_000) / 10} %`
}

function bitrate(bitsPerSecond: number | null): string {
  if (bitsPerSecond === null) return UNKNOWN
  return bitsPerSecond < 1_000_000
    ? `${Math.round(bitsPerSecond / 1_000)} kbit/s`
    : `${(bitsPerSecond / 1_000_000).toFixed(1)} Mbit/s`
}

function picture(video: ReceivedVideo | null): string {
  if (!video?.width || !video.height) return UNKNOWN
  const size = `${video.width} × ${video.height}`
  return video.framesPerSecond ? `${size}, ${Math.round(video.framesPerSecond)}/s` : size
}
