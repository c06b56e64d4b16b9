/** Raised hands, in the order they went up. */
import type { CallState, Member } from '@/call/types'
import { SELF } from './layout'

export interface RaisedHand {
  /** `SELF` for the own hand. */
  readonly key: string
  readonly name: string
  readonly raisedAt: number
}

type Hands = Pick<CallState, 'handRaisedAt' | 'displayName'> & { readonly members: readonly Member[] }

export function queueHands({ handRaisedAt, displayName, members }: Hands): readonly RaisedHand[] {
  const own = { key: SELF, name: displayName, raisedAt: handRaisedAt }
  return [
    own,
    ...members.map((member) => ({ key: member.id, name: member.displayName, raisedAt: member.handRaisedAt })),
  ]
    .filter((hand): hand is RaisedHand => hand.raisedAt !== null)
    .sort((a, b) => a.raisedAt - b.raisedAt)
}

/** From 1; 0 when that hand is down. */
export function placeOfHand(hands: readonly RaisedHand[], key: string): number {
  return hands.findIndex((hand) => hand.key === key) + 1
}
