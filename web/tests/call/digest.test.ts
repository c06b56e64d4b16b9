import { expect, it } from 'vitest'
import { readDigest, type Counted } from '@/call/digest'
import type { Report } from '@/call/selected-pair'

const MIDS = { camera: '1', screen: '2' }
const BEGUN: Counted = { at: 0, counts: {} }

/** The reports of a Chromium in a call with a shared screen, cut down to what matters. */
function reports(change: Partial<Record<'lost' | 'received' | 'freezes', number>> = {}): Report[] {
  const { lost = 10, received = 90, freezes = 2 } = change
  return [
    { type: 'transport', id: 'T', selectedCandidatePairId: 'P' },
    {
      type: 'candidate-pair',
      id: 'P',
      localCandidateId: 'L',
      remoteCandidateId: 'R',
      currentRoundTripTime: 0.04,
    },
    { id: 'L', candidateType: 'host', protocol: 'udp', address: '2001:db8::1' },
    { id: 'R', candidateType: 'srflx', protocol: 'udp', address: '2001:db8::2' },
    {
      type: 'inbound-rtp',
      kind: 'audio',
      mid: '0',
      bytesReceived: 4_000,
      packetsReceived: 100,
      packetsLost: 0,
      jitter: 0.005,
    },
    {
      type: 'inbound-rtp',
      kind: 'video',
      mid: '1',
      bytesReceived: 6_000,
      packetsReceived: received,
      packetsLost: lost,
      jitter: 0.03,
      framesDecoded: 9,
      frameWidth: 1280,
      frameHeight: 720,
      framesPerSecond: 25,
      freezeCount: freezes,
      totalFreezesDuration: freezes * 0.5,
    },
    { type: 'outbound-rtp', kind: 'audio', mid: '0', bytesSent: 1_000, packetsSent: 50 },
    {
      type: 'outbound-rtp',
      kind: 'video',
      mid: '2',
      bytesSent: 9_000,
      packetsSent: 200,
      framesEncoded: 5,
      frameWidth: 1920,
      frameHeight: 1080,
      framesPerSecond: 12,
      qualityLimitationReason: 'cpu',
    },
    { type: 'remote-inbound-rtp', kind: 'audio', packetsLost: 5, fractionLost: 0.9 },
    { type: 'remote-inbound-rtp', kind: 'video', packetsLost: -3 },
  ]
}

it('tells of each kind what came and what went since media began', () => {
  const { digest } = readDigest(reports(), MIDS, BEGUN, 10_000)
  expect(digest).toEqual({
    pair: { local: 'host', remote: 'srflx', protocol: 'udp', family: 'v6' },
    rttMs: 40,
    audioJitterMs: 5,
    videoJitterMs: 30,
    audioLossIn: 0,
    audioLossOut: 0.1,
    videoLossIn: 0.1,
    videoLossOut: 0,
    bitrateIn: 8_000,
    bitrateOut: 8_000,
    freezes: 2,
    frozenMs: 1_000,
    limitedBy: 'cpu',
    widthIn: 1280,
    heightIn: 720,
    fpsIn: 25,
    widthOut: 1920,
    heightOut: 1080,
    fpsOut: 12,
  })
})

it('tells only of what is new since the last one', () => {
  const { counted } = readDigest(reports(), MIDS, BEGUN, 10_000)
  const { digest } = readDigest(reports({ received: 120, lost: 20, freezes: 5 }), MIDS, counted, 20_000)
  expect(digest).toMatchObject({ videoLossIn: 0.25, freezes: 3, frozenMs: 1_500, bitrateIn: 0 })
  // Nothing was sent, so there is no share of it.
  expect(digest).not.toHaveProperty('audioLossOut')
})

it('leaves out what is not known', () => {
  expect(readDigest([], MIDS, BEGUN, 10_000).digest).toEqual({})
  const odd: Report[] = [
    { type: 'inbound-rtp', kind: 'video', mid: '1', framesDecoded: 1, jitter: NaN, frameWidth: Infinity },
    { type: 'inbound-rtp', kind: 'audio', packetsReceived: '7', packetsLost: undefined, bytesReceived: NaN },
    { type: 'outbound-rtp', kind: 'video', mid: '1', framesEncoded: 1, qualityLimitationReason: 'moon' },
  ]
  expect(readDigest(odd, MIDS, BEGUN, 10_000).digest).toEqual({ limitedBy: 'none' })
})

it('bounds what cannot be', () => {
  const lossy: Report[] = [
    { type: 'outbound-rtp', kind: 'audio', bytesSent: 10, packetsSent: 1 },
    { type: 'remote-inbound-rtp', kind: 'audio', packetsLost: 9 },
  ]
  const shrunk: Counted = { at: 0, counts: { bytesOut: 1e9 } }
  expect(readDigest(lossy, MIDS, shrunk, 10_000).digest).toEqual({ audioLossOut: 1, bitrateOut: 0 })
  // A clock that was set back.
  expect(readDigest(lossy, MIDS, { at: 20_000, counts: {} }, 10_000).digest).toEqual({ audioLossOut: 1 })
})
