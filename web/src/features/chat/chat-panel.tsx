import { useEffect, useState } from 'react'
import { useCallServices, useCallState } from '@/features/call/call-context'
import { Composer } from './composer'
import { findFirstNew } from './conversation'
import { MessageList } from './message-list'

export function ChatPanel() {
  const { call, draft } = useCallServices()
  const { messages, pending, limits, reconnecting } = useCallState(call)
  const firstNew = useFirstNew()
  useEffect(() => {
    call.dispatch({ type: 'chatShown', open: true })
    return () => call.dispatch({ type: 'chatShown', open: false })
  }, [call])
  return (
    <>
      <MessageList
        messages={messages}
        pending={pending}
        firstNew={firstNew}
        canRetry={!reconnecting}
        onRetry={(frameId) => call.dispatch({ type: 'retryChat', frameId })}
      />
      <Composer
        draft={draft}
        limit={limits.chatCodePoints}
        connected={!reconnecting}
        onSend={(text) => call.dispatch({ type: 'chat', text })}
      />
    </>
  )
}

/** Where the new messages begin: those that came while the panel was closed, or the page out of sight. */
function useFirstNew(): string | null {
  const { call } = useCallServices()
  const [firstNew, setFirstNew] = useState(() => findFirstNew(call.state().messages, call.state().unread))
  useEffect(() => {
    let seen = call.state().messages.length
    const follow = () => {
      const { messages } = call.state()
      if (document.hidden) {
        seen = messages.length
        return
      }
      const missed = messages.slice(seen).find(({ mine }) => !mine)
      if (missed) setFirstNew(missed.id)
    }
    document.addEventListener('visibilitychange', follow)
    return () => document.removeEventListener('visibilitychange', follow)
  }, [call])
  return firstNew
}
