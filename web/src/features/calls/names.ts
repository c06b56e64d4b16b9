/** What people of a call are called on this page. */
import type { CallMember, CallRecord } from '@/api/call-record'

export type NameOf = (memberId: string | undefined) => string

export function countPeople(count: number): string {
  if (count === 0) return 'nobody inside'
  return count === 1 ? '1 person' : `${count} people`
}

const UNKNOWN = 'Someone'
const SHORT_ID = 4

/** Names by id; two with the same name are told apart as in the words of the server (signaling/core/calls/words.py). */
export function nameMembers(members: readonly CallMember[]): NameOf {
  const names = new Map(members.map(({ id, name }) => [id, name || UNKNOWN]))
  const counts = new Map<string, number>()
  for (const name of names.values()) counts.set(name, (counts.get(name) ?? 0) + 1)
  return (memberId = '') => {
    const name = names.get(memberId)
    if (name === undefined) return UNKNOWN
    return counts.get(name) === 1 ? name : `${name} (${memberId.slice(0, SHORT_ID)})`
  }
}

/** Count the people of a call: who came back under the same name counts once, recorders do not. */
export function peopleOf({ members = [], moreMembers = 0 }: CallRecord): number {
  const stays = new Map<string, CallMember[]>()
  for (const member of members) {
    if (member.kind === 'recorder') continue
    const person = `${member.account ?? false} ${member.name}`
    stays.set(person, [...(stays.get(person) ?? []), member])
  }
  return [...stays.values()].reduce((sum, own) => sum + mostAtOnce(own), moreMembers)
}

function mostAtOnce(members: readonly CallMember[]): number {
  const isThere = ({ joinedAt, leftAt }: CallMember, at: number) =>
    joinedAt <= at && (leftAt == null || at < Math.max(leftAt, joinedAt + 1))
  return Math.max(
    ...members.map(({ joinedAt }) => members.filter((other) => isThere(other, joinedAt)).length),
  )
}
