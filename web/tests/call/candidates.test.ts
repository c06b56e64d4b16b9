import { expect, it } from 'vitest'
import { collectCandidates, countCandidates, isOtherKind } from '@/call/candidates'

const HOST = 'candidate:1 1 udp 2122260223 4f1c.local 50000 typ host generation 0 ufrag Xy'
const RELAY = 'candidate:2 1 udp 41885439 198.51.100.7 50001 typ relay raddr 192.0.2.1 rport 9 generation 0'

function count(...texts: string[]) {
  const candidates = new Set<string>()
  for (const text of texts) collectCandidates(candidates, text)
  return countCandidates(candidates)
}

it('counts candidates by type', () => {
  expect(count()).toEqual({})
  expect(count(HOST, HOST.replace('50000', '50002'), RELAY)).toEqual({ host: 2, relay: 1 })
})

it('counts one that stands in the description too only once', () => {
  const sdp = ['v=0', `a=${HOST.replace(' ufrag Xy', '')}`, `a=${RELAY}`, 'a=end-of-candidates'].join('\r\n')
  expect(count(HOST, sdp)).toEqual({ host: 1, relay: 1 })
})

it('takes what is none for none', () => {
  expect(count('', 'candidate:3 1 udp 1 192.0.2.1 1 typ hologram', 'v=0\r\ntyp host')).toEqual({})
})

it('knows the complaint of Chromium that is none', () => {
  expect(isOtherKind('Address not associated with the desired network interface.')).toBe(true)
  expect(isOtherKind('STUN binding request timed out.')).toBe(false)
})
