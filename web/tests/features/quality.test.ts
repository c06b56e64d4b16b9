import { describe, expect, it } from 'vitest'
import type { PeerStats } from '@/call/stats'
import {
  countFreezes,
  describePath,
  describeQuality,
  listNumbers,
  rate,
  rateStats,
  type Quality,
  type Rating,
} from '@/features/call/quality'
import { createQualityWatch } from '@/features/call/use-quality'

const picture = { width: 1280, height: 720, framesPerSecond: 29.7, freezes: 2, frozenMs: 300 }
const path = { local: 'host', remote: 'srflx', protocol: 'udp', relayProtocol: null, family: null } as const
const fine: PeerStats = {
  rttMs: 41.6,
  jitterMs: 5,
  lossIn: 0,
  lossOut: 0,
  bitrateIn: 1_250_000,
  bitrateOut: 640_400,
  path,
  received: { camera: picture, screen: null },
  sent: { camera: null, screen: null },
}

describe('one word', () => {
  it.each<[Quality, Partial<PeerStats>, number]>([
    ['good', {}, 0],
    ['good', { rttMs: null, jitterMs: null, lossIn: null, lossOut: null }, 0],
    ['good', { rttMs: 250, lossIn: 0.025, lossOut: 0.025, jitterMs: 60 }, 0],
    ['fair', { rttMs: 251 }, 0],
    ['fair', { lossIn: 0.026 }, 0],
    ['fair', { lossOut: 0.026 }, 0],
    ['fair', { jitterMs: 61 }, 0],
    ['fair', {}, 1],
    ['poor', { rttMs: 501 }, 0],
    ['poor', { lossIn: 0.081 }, 0],
    ['poor', { jitterMs: 201 }, 0],
    ['poor', {}, 2],
  ])('%s for %o and %i freezes', (quality, change, freezes) => {
    expect(rateStats({ ...fine, ...change }, freezes)).toBe(quality)
  })

  it('gets worse at once and better only when it lasts', () => {
    const heard: Quality[] = ['good', 'poor', 'good', 'good', 'poor', 'good', 'fair', 'good', 'good']
    let rating: Rating | null = null
    const shown = heard.map((quality) => (rating = rate(rating, quality)).quality)
    expect(shown).toEqual(['good', 'poor', 'poor', 'poor', 'poor', 'poor', 'poor', 'good', 'good'])
  })

  it('comes back from a lost path at once', () => {
    expect(rate({ quality: 'lost', better: 0 }, 'good')).toEqual({ quality: 'good', better: 0 })
  })

  it('has words without codes for each', () => {
    for (const quality of ['good', 'fair', 'poor', 'lost'] as const)
      expect(describeQuality(quality)).toMatch(/connection/)
  })
})

describe('numbers', () => {
  it('are named, rounded and with their units', () => {
    expect(Object.fromEntries(listNumbers({ ...fine, lossIn: 0.0123 }))).toEqual({
      'Round trip': '42 ms',
      'Lost, incoming': '1.2 %',
      'Lost, outgoing': '0 %',
      Jitter: '5 ms',
      Receiving: '1.3 Mbit/s',
      Sending: '640 kbit/s',
      Picture: '1280 × 720, 30/s',
      Path: 'Direct, UDP',
    })
  })

  it('say of a screen too, and keep quiet about what the browser does not tell', () => {
    const silent: PeerStats = {
      ...fine,
      rttMs: null,
      lossIn: null,
      lossOut: null,
      jitterMs: null,
      bitrateIn: null,
      bitrateOut: null,
      path: null,
      received: { camera: null, screen: { ...picture, framesPerSecond: null } },
    }
    const rows = Object.fromEntries(listNumbers(silent))
    expect(rows.Screen).toBe('1280 × 720')
    expect(
      new Set(Object.entries(rows).flatMap(([name, value]) => (name === 'Screen' ? [] : [value]))),
    ).toEqual(new Set(['–']))
    expect(countFreezes(silent)).toBe(2)
    expect(countFreezes({ ...fine, received: { camera: null, screen: null } })).toBe(0)
  })

  it.each([
    [{ local: 'relay', relayProtocol: 'tls' }, 'Through a relay, TLS'],
    [{ local: 'relay', relayProtocol: 'tcp' }, 'Through a relay, TCP'],
    [{ local: 'relay', relayProtocol: null }, 'Through a relay, UDP'],
    [{ remote: 'relay' }, 'Through a relay, UDP'],
    [{ local: 'prflx', protocol: 'tcp' }, 'Direct, TCP'],
    [{ protocol: null }, 'Direct'],
  ] as const)('name the path of %o', (change, words) => {
    expect(describePath({ ...path, ...change })).toBe(words)
  })
})

it('watches everyone: freezes count from one look to the next, a lost path has no numbers', async () => {
  let stats = new Map([
    ['a', fine],
    ['b', fine],
  ])
  const { store, update } = createQualityWatch(async () => stats)
  await update(new Set(['b']))
  // The freezes before the first look are not news.
  expect(store.get().get('a')).toEqual({ rating: { quality: 'good', better: 0 }, stats: fine })
  expect(store.get().get('b')).toEqual({ rating: { quality: 'lost', better: 0 }, stats: null })
  stats = new Map([['a', { ...fine, received: { camera: { ...picture, freezes: 5 }, screen: null } }]])
  await update(new Set())
  expect(store.get().get('a')?.rating.quality).toBe('poor')
  expect(store.get().has('b')).toBe(false)
})
