/** Candidates and what became of gathering them. Their addresses stay here: only counts and codes are told. */
import type { CandidateCounts } from '@/protocol/messages'

/** A `candidate-attribute` up to its type (RFC 8839 §5.1), alone or in a description. */
const CANDIDATE = /candidate:.*? typ (?:host|srflx|prflx|relay)\b/g

/** Add the candidates in this text; one that is there already counts once. */
export function collectCandidates(into: Set<string>, text: string): void {
  for (const [candidate] of text.matchAll(CANDIDATE)) into.add(candidate)
}

export function countCandidates(candidates: Iterable<string>): CandidateCounts {
  const counts: CandidateCounts = {}
  for (const candidate of candidates) {
    const type = candidate.slice(candidate.lastIndexOf(' ') + 1) as keyof CandidateCounts
    counts[type] = (counts[type] ?? 0) + 1
  }
  return counts
}

/** Chromium says so of each own address that is of the other kind, IPv4 or IPv6, than the server's. */
export function isOtherKind(errorText: string): boolean {
  return /not associated with the desired network interface/i.test(errorText)
}
