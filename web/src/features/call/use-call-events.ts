import { useEffect, useRef } from 'react'
import type { Call } from '@/call/controller'
import { describeNotice as describeModeration } from '@/features/moderation/notice-words'
import { MOST_SHOWN, toast } from '@/ui/toast'
import { describeNotice, type Said } from './notices'

/** What someone else did to the call stays long enough to be read twice. */
const MODERATION_MS = 7_000

/** Tell people in passing what happened in the call, for as long as they are in it. */
export function useCallEvents(call: Call, openChat: () => void): void {
  const dismissals = useRef<(() => void)[]>([])
  useEffect(
    () =>
      call.onNotice((notice) => {
        const words = describeModeration(notice, call.state())
        const said = words === null ? describeNotice(notice) : { text: words, forMs: MODERATION_MS }
        if (said) dismissals.current.unshift(show(said, openChat))
        dismissals.current.splice(MOST_SHOWN)
      }),
    [call, openChat],
  )
  useEffect(() => {
    const shown = dismissals.current
    return () => shown.splice(0).forEach((dismiss) => dismiss())
  }, [call])
}

function show({ text, tone, forMs, opensChat }: Said, openChat: () => void): () => void {
  return toast(text, {
    ...(tone ? { tone } : {}),
    ...(forMs ? { forMs } : {}),
    ...(opensChat ? { action: { label: 'Open', run: openChat } } : {}),
  })
}
