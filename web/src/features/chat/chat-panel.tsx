import { useEffect } from 'react'
import { useCallServices, useCallState } from '@/features/call/call-context'
import { Composer } from './composer'
import { MessageList } from './message-list'

export function ChatPanel() {
  const { call } = useCallServices()
  const { messages, pending, limits, reconnecting } = useCallState(call)
  useEffect(() => {
    call.dispatch({ type: 'chatShown', open: true })
    return () => call.dispatch({ type: 'chatShown', open: false })
  }, [call])
  return (
    <>
      <MessageList
        messages={messages}
        pending={pending}
        canSend={!reconnecting}
        onRetry={(frameId) => call.dispatch({ type: 'retryChat', frameId })}
      />
      <Composer
        limit={limits.chatCodePoints}
        canSend={!reconnecting}
        onSend={(text) => call.dispatch({ type: 'chat', text })}
      />
    </>
  )
}
