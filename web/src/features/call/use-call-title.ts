import { useEffect, useState } from 'react'
import type { CallState } from '@/call/types'
import { describeTitle } from './title'

/** What the tab says while one looks elsewhere: unread messages, people at the door, raised hands. */
export function useCallTitle(name: string, { messages, unread, members, lobby }: CallState): void {
  const hidden = useHidden()
  const said = messages.filter(({ mine }) => !mine).length
  const [saidBefore, setSaidBefore] = useState(said)
  // While the page can be seen, the panel and its badge tell; from then on, the title counts.
  if (!hidden && saidBefore !== said) setSaidBefore(said)
  const hands = members.filter(({ handRaisedAt }) => handRaisedAt !== null).length
  const title = describeTitle(name, {
    unread: Math.max(unread, hidden ? said - saidBefore : 0),
    hands,
    knocks: lobby.length,
  })
  useEffect(() => {
    document.title = title
  }, [title])
  useEffect(() => {
    const before = describeTitle(name, { unread: 0, hands: 0, knocks: 0 })
    return () => {
      document.title = before
    }
  }, [name])
}

function useHidden(): boolean {
  const [hidden, setHidden] = useState(() => document.hidden)
  useEffect(() => {
    const follow = () => setHidden(document.hidden)
    document.addEventListener('visibilitychange', follow)
    return () => document.removeEventListener('visibilitychange', follow)
  }, [])
  return hidden
}
