import { useEffect, useRef } from 'react'
import type { Call } from '@/call/controller'
import { describeNotice as describeModeration } from '@/features/moderation/notice-words'
import { MOST_SHOWN, toast } from '@/ui/toast'
import { describeNotice, type Said } from './notices'

/** What someone else did to the call stays long enough to be read twice. */
const MODERATION_MS = 7_000

interface Shown {
  readonly opensChat: boolean
  readonly dismiss: () => void
}

/** Tell people in passing what happened in the call, for as long as they are in it; of the chat until it is open. */
export function useCallEvents(call: Call, chatIsOpen: boolean, openChat: () => void): void {
  const all = useRef<Shown[]>([])
  useEffect(
    () =>
      call.onNotice((notice) => {
        const words = describeModeration(notice, call.state())
        const said = words === null ? describeNotice(notice) : { text: words, forMs: MODERATION_MS }
        if (said) all.current.unshift(show(said, openChat))
        all.current.splice(MOST_SHOWN)
      }),
    [call, openChat],
  )
  useEffect(() => {
    if (chatIsOpen) all.current.filter((shown) => shown.opensChat).forEach(({ dismiss }) => dismiss())
  }, [chatIsOpen])
  useEffect(() => {
    const shown = all.current
    return () => shown.splice(0).forEach(({ dismiss }) => dismiss())
  }, [call])
}

function show({ text, tone, forMs, opensChat }: Said, openChat: () => void): Shown {
  const dismiss = toast(text, {
    ...(tone ? { tone } : {}),
    ...(forMs ? { forMs } : {}),
    ...(opensChat ? { action: { label: 'Open', run: openChat } } : {}),
  })
  return { opensChat: opensChat ?? false, dismiss }
}
