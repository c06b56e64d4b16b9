import { useEffect } from 'react'
import type { Call } from '@/call/controller'
import { describeNotice as describeModeration } from '@/features/moderation/notice-words'
import { toast } from '@/ui/toast'
import { describeNotice, type Said } from './notices'

/** What someone else did to the call stays long enough to be read twice. */
const MODERATION_MS = 7_000

/** Tell people in passing what happened in the call. */
export function useCallEvents(call: Call, openChat: () => void): void {
  useEffect(
    () =>
      call.onNotice((notice) => {
        const words = describeModeration(notice, call.state())
        const said = words === null ? describeNotice(notice) : { text: words, forMs: MODERATION_MS }
        if (said) show(said, openChat)
      }),
    [call, openChat],
  )
}

function show({ text, tone, forMs, opensChat }: Said, openChat: () => void): void {
  toast(text, {
    ...(tone ? { tone } : {}),
    ...(forMs ? { forMs } : {}),
    ...(opensChat ? { action: { label: 'Open', run: openChat } } : {}),
  })
}
