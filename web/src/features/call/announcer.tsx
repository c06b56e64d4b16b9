import { useEffect, useState } from 'react'
import type { Call } from '@/call/controller'
import { describeReactions } from './reactions'

const GATHER_MS = 1_500

/** Reads reactions out politely, several as one sentence. Everything else in passing is said by a toast. */
export function ReactionAnnouncer({ call }: { call: Call }) {
  const [words, setWords] = useState('')
  useEffect(() => {
    let heard: { name: string; emoji: string }[] = []
    let timer: ReturnType<typeof setTimeout> | undefined
    const say = () => {
      setWords(describeReactions(heard))
      heard = []
      timer = undefined
    }
    const stop = call.onNotice((notice) => {
      if (notice.kind !== 'reaction' || notice.mine) return
      heard.push({ name: notice.name, emoji: notice.emoji })
      timer ??= setTimeout(say, GATHER_MS)
    })
    return () => {
      stop()
      clearTimeout(timer)
    }
  }, [call])
  return (
    <p role="status" data-testid="reactions-heard" className="sr-only">
      {words}
    </p>
  )
}
