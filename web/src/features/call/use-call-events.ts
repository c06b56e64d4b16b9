import { useEffect } from 'react'
import type { Call } from '@/call/controller'
import type { Notice } from '@/call/types'
import { toast } from '@/ui/toast'

const MOST_IN_PREVIEW = 80

/** Tell the call about the world outside, and people about the call. */
export function useCallEvents(call: Call, openChat: () => void): void {
  useEffect(() => {
    const changed = () => call.dispatch({ type: 'networkChanged' })
    const shown = () => document.visibilityState === 'visible' && changed()
    const leave = () => call.dispatch({ type: 'leave' })
    const connection =
      'connection' in navigator ? (navigator.connection as EventTarget | undefined) : undefined
    window.addEventListener('online', changed)
    window.addEventListener('pagehide', leave)
    document.addEventListener('visibilitychange', shown)
    connection?.addEventListener('change', changed)
    return () => {
      window.removeEventListener('online', changed)
      window.removeEventListener('pagehide', leave)
      document.removeEventListener('visibilitychange', shown)
      connection?.removeEventListener('change', changed)
    }
  }, [call])

  useEffect(() => call.onNotice((notice) => say(notice, openChat)), [call, openChat])
}

function say(notice: Notice, openChat: () => void): void {
  switch (notice.kind) {
    case 'joined':
      toast(`${notice.name} joined`, { forMs: 3_000 })
      break
    case 'left':
      toast(`${notice.name} left`, { forMs: 3_000 })
      break
    case 'chat': {
      const text = [...notice.text.replace(/\s+/g, ' ')].slice(0, MOST_IN_PREVIEW).join('')
      toast(`${notice.name}: ${text}`, { action: { label: 'Open', run: openChat } })
      break
    }
    case 'rateLimited':
      toast('That was a lot at once. Wait a moment and try again.', { tone: 'error' })
      break
    case 'badName':
      toast('The server did not take that name. Try another one.', { tone: 'error' })
      break
    case 'reconnected':
      toast('You are back in the call.', { forMs: 3_000 })
      break
  }
}
