import { describe, expect, it } from 'vitest'
import { readPath } from '@/call/selected-pair'

describe('readPath', () => {
  const pathOf = (local: object, remote: object = {}) =>
    readPath([
      { type: 'candidate-pair', id: 'P', selected: true, localCandidateId: 'L', remoteCandidateId: 'R' },
      { id: 'L', ...local },
      { id: 'R', ...remote },
    ])

  it.each([
    ['192.0.2.7', undefined, 'v4'],
    ['2001:db8::7', undefined, 'v6'],
    ['4f1c.local', '2001:db8::7', 'v6'],
    ['', '192.0.2.7', 'v4'],
    ['4f1c.local', '', null],
    [undefined, 4, null],
  ])('tells of %s and %s only the family: %s', (local, remote, family) => {
    const path = pathOf({ address: local }, { address: remote })
    expect(path?.family).toBe(family)
    expect(JSON.stringify(path)).not.toMatch(/192|2001|local"?:"?4f/)
  })

  it('names what the standard names, and nothing else', () => {
    expect(
      pathOf({ candidateType: 'relayed', protocol: 'sctp', relayProtocol: '' }, { candidateType: 'prflx' }),
    ).toEqual({ local: null, remote: 'prflx', protocol: null, relayProtocol: null, family: null })
  })

  it('has none before there is a pair', () => {
    expect(readPath([{ type: 'transport', selectedCandidatePairId: '' }])).toBeNull()
  })
})
