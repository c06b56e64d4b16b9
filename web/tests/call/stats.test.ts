import { describe, expect, it } from 'vitest'
import { readStats, type Totals } from '@/call/stats'

const MIDS = { camera: '1', screen: '2' }
/** The reports of a Chromium in a call over TURN, cut down to what matters. */
const REPORTS = [
  { type: 'transport', id: 'T', selectedCandidatePairId: 'P' },
  {
    type: 'candidate-pair',
    id: 'P',
    localCandidateId: 'L',
    remoteCandidateId: 'R',
    currentRoundTripTime: 0.12,
  },
  { type: 'candidate-pair', id: 'other', currentRoundTripTime: 9 },
  { type: 'local-candidate', id: 'L', candidateType: 'relay', protocol: 'udp', relayProtocol: 'tls' },
  { type: 'remote-candidate', id: 'R', candidateType: 'srflx', protocol: 'udp' },
  {
    type: 'inbound-rtp',
    kind: 'audio',
    mid: '0',
    bytesReceived: 1_000,
    packetsReceived: 50,
    packetsLost: 0,
    jitter: 0.004,
  },
  {
    type: 'inbound-rtp',
    kind: 'video',
    mid: '1',
    bytesReceived: 9_000,
    packetsReceived: 50,
    packetsLost: 10,
    jitter: 0.02,
    framesDecoded: 30,
    frameWidth: 1280,
    frameHeight: 720,
    framesPerSecond: 24,
    freezeCount: 2,
    totalFreezesDuration: 1.5,
  },
  { type: 'inbound-rtp', kind: 'video', mid: '2', bytesReceived: 0, packetsReceived: 0, framesDecoded: 0 },
  {
    type: 'outbound-rtp',
    kind: 'video',
    mid: '1',
    bytesSent: 5_000,
    framesEncoded: 40,
    frameWidth: 640,
    frameHeight: 360,
    framesPerSecond: 15,
    qualityLimitationReason: 'bandwidth',
  },
  { type: 'remote-inbound-rtp', kind: 'video', fractionLost: 0.03, roundTripTime: 0.2 },
]

const before: Totals = { at: 0, bytesIn: 2_000, bytesOut: 1_000, packetsIn: 20, lostIn: 2 }

describe('readStats', () => {
  it('reads the path, the flow and the pictures', () => {
    const { stats } = readStats(REPORTS, MIDS, before, 2_000)
    expect(stats).toEqual({
      rttMs: 120,
      jitterMs: 20,
      lossIn: 8 / 88,
      lossOut: 0.03,
      bitrateIn: 32_000,
      bitrateOut: 16_000,
      path: { local: 'relay', remote: 'srflx', protocol: 'udp', relayProtocol: 'tls', family: null },
      received: {
        camera: { width: 1280, height: 720, framesPerSecond: 24, freezes: 2, frozenMs: 1_500 },
        screen: null,
      },
      sent: {
        camera: { width: 640, height: 360, framesPerSecond: 15, limitedBy: 'bandwidth' },
        screen: null,
      },
    })
  })

  it('tells no rates at the first reading, and nothing that is not known', () => {
    const first = readStats(REPORTS, MIDS, null, 2_000)
    expect(first.stats).toMatchObject({ lossIn: null, bitrateIn: null, bitrateOut: null, rttMs: 120 })
    expect(first.totals).toEqual({ at: 2_000, bytesIn: 10_000, bytesOut: 5_000, packetsIn: 100, lostIn: 10 })
    expect(readStats([], MIDS, null, 0).stats).toMatchObject({ rttMs: null, path: null })
  })

  it('finds the path in Firefox, which marks the pair itself', () => {
    const reports = [{ type: 'candidate-pair', id: 'P', selected: true, currentRoundTripTime: 0.01 }]
    expect(readStats(reports, MIDS, null, 0).stats).toMatchObject({ rttMs: 10, path: { local: null } })
  })

  it('starts again when the connection is another one', () => {
    expect(readStats(REPORTS, MIDS, { ...before, at: 1_000, bytesIn: 1e9 }, 2_000).stats.bitrateIn).toBe(0)
  })
})
