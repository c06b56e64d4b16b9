/** Which pairs deserve a look first. */
import type { CallPair, Outcome } from '@/api/call-record'

const RANK: Readonly<Record<Outcome, number>> = {
  failed: 0,
  timeout: 0,
  connecting: 1,
  abandoned: 2,
  connected: 3,
  unreported: 3,
}

/** Those without a path first, then those that needed more than one attempt, then as they met. */
export function sortPairs(pairs: readonly CallPair[]): CallPair[] {
  return [...pairs].sort((one, other) => rankOf(one) - rankOf(other) || triesOf(other) - triesOf(one))
}

function rankOf({ outcome = 'connecting' }: CallPair): number {
  return RANK[outcome]
}

function triesOf({ attempts = [], moreAttempts = 0 }: CallPair): number {
  return attempts.length + moreAttempts
}
