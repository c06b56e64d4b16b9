import { useEffect, useState } from 'react'
import type { Call } from '@/call/controller'
import { addReaction, expireReactions, SHOWN_MS, type FloatingReaction } from './reactions'

/** The reactions that float at the moment. */
export function useReactions(call: Call): readonly FloatingReaction[] {
  const [shown, setShown] = useState<readonly FloatingReaction[]>([])
  useEffect(() => {
    const timers = new Set<ReturnType<typeof setTimeout>>()
    const stop = call.onNotice((notice) => {
      if (notice.kind !== 'reaction') return
      setShown((before) => addReaction(before, notice, Date.now()))
      const timer = setTimeout(() => {
        timers.delete(timer)
        setShown((before) => expireReactions(before, Date.now()))
      }, SHOWN_MS + 20)
      timers.add(timer)
    })
    return () => {
      stop()
      for (const timer of timers) clearTimeout(timer)
    }
  }, [call])
  return shown
}
