/** Which way media takes, from the browser's reports (W3C WebRTC Statistics). */

/** A report of any kind: what is read of it is checked. */
export type Report = Readonly<Record<string, unknown>>

/** The pair of candidates that media takes. */
export interface Path {
  readonly local: RTCIceCandidateType | null
  readonly remote: RTCIceCandidateType | null
  readonly protocol: 'udp' | 'tcp' | null
  /** How we speak to our TURN server; null where the path has none on our side. */
  readonly relayProtocol: 'udp' | 'tcp' | 'tls' | null
  /** Whether it takes IPv4 or IPv6; null where the browser hides addresses. */
  readonly family: 'v4' | 'v6' | null
}

const CANDIDATE_TYPES = ['host', 'srflx', 'prflx', 'relay'] as const

/** Read which way media takes; null before there is one. */
export function readPath(all: readonly Report[]): Path | null {
  const pair = selectedPair(all)
  if (!pair) return null
  const local = all.find(({ id }) => id === pair.localCandidateId)
  const remote = all.find(({ id }) => id === pair.remoteCandidateId)
  return {
    local: oneOf(CANDIDATE_TYPES, local?.candidateType),
    remote: oneOf(CANDIDATE_TYPES, remote?.candidateType),
    protocol: oneOf(['udp', 'tcp'], local?.protocol),
    relayProtocol: oneOf(['udp', 'tcp', 'tls'], local?.relayProtocol),
    family: familyOf(local) ?? familyOf(remote),
  }
}

/** Find the report of the pair of candidates in use; nothing before there is one. */
export function selectedPair(all: readonly Report[]): Report | undefined {
  const transport = all.find(
    ({ type, selectedCandidatePairId }) => type === 'transport' && selectedCandidatePairId,
  )
  if (transport) return all.find(({ id }) => id === transport.selectedCandidatePairId)
  // Firefox marks the pair itself.
  return all.find(({ type, selected }) => type === 'candidate-pair' && selected === true)
}

function familyOf(candidate: Report | undefined): Path['family'] {
  const address = candidate?.address
  if (typeof address !== 'string') return null
  // A host candidate may hide behind a name (draft-ietf-mmusic-mdns-ice-candidates).
  return address.includes(':') ? 'v6' : /^[\d.]+$/.test(address) ? 'v4' : null
}

function oneOf<T extends string>(known: readonly T[], value: unknown): T | null {
  return known.find((one) => one === value) ?? null
}
