import { ArrowDown, MessageSquare } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import type { ChatMessage, PendingChat } from '@/call/types'
import { cn } from '@/lib/cn'
import { formatClock } from '@/lib/time'
import { Button } from '@/ui/button'
import { MessageText } from './message-text'

interface MessageListProps {
  messages: readonly ChatMessage[]
  pending: readonly PendingChat[]
  canSend: boolean
  onRetry: (frameId: number) => void
}

/** Messages of one person within this time stand together. */
const TOGETHER_MS = 3 * 60_000
const NEAR_END_PX = 80

export function MessageList({ messages, pending, canSend, onRetry }: MessageListProps) {
  const list = useRef<HTMLDivElement>(null)
  const [atEnd, setAtEnd] = useState(true)
  const count = messages.length + pending.length

  const toEnd = () => {
    if (list.current) list.current.scrollTop = list.current.scrollHeight
  }
  useEffect(() => {
    if (atEnd) toEnd()
  }, [count, atEnd])

  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <div
        ref={list}
        role="log"
        aria-label="Conversation"
        aria-live="polite"
        data-testid="chat-log"
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keyboard
        tabIndex={0}
        className="flex min-h-0 flex-1 flex-col overflow-y-auto px-4 py-3 -outline-offset-2"
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) =>
          setAtEnd(scrollHeight - scrollTop - clientHeight < NEAR_END_PX)
        }
      >
        {count === 0 && (
          <div className="m-auto flex max-w-60 flex-col items-center gap-2 text-center text-sm text-muted">
            <MessageSquare aria-hidden className="size-6" />
            Messages are seen by everyone in the call and are gone when it ends.
          </div>
        )}
        {messages.map((message, index) => {
          const before = messages[index - 1]
          const together = before?.from === message.from && message.ts - before.ts < TOGETHER_MS
          return <MessageBubble key={message.id} message={message} together={together} />
        })}
        {pending.map((chat) => (
          <div key={chat.frameId} className="mt-2 flex max-w-[85%] flex-col items-end self-end">
            <div
              className={cn(
                'rounded-lg bg-accent-soft px-3.5 py-2 text-on-accent-soft',
                !chat.failed && 'opacity-75',
              )}
            >
              <MessageText text={chat.text} />
            </div>
            {chat.failed ? (
              <p className="mt-1 flex items-center gap-2 text-xs text-danger-text">
                Not sent
                <button
                  type="button"
                  disabled={!canSend}
                  onClick={() => onRetry(chat.frameId)}
                  className="rounded-sm font-semibold underline underline-offset-2 disabled:no-underline"
                >
                  Try again
                </button>
              </p>
            ) : (
              <p className="late mt-1 text-xs text-muted">Sending…</p>
            )}
          </div>
        ))}
      </div>
      {!atEnd && (
        <Button
          size="sm"
          className="absolute bottom-3 left-1/2 -translate-x-1/2 rounded-full shadow-md"
          onClick={() => {
            setAtEnd(true)
            toEnd()
          }}
        >
          <ArrowDown aria-hidden /> Newest
        </Button>
      )}
    </div>
  )
}

function MessageBubble({ message, together }: { message: ChatMessage; together: boolean }) {
  const { mine } = message
  return (
    <div
      className={cn(
        'flex max-w-[85%] flex-col',
        mine ? 'items-end self-end' : 'self-start',
        together ? 'mt-1' : 'mt-4',
      )}
    >
      {together ? (
        <span className="sr-only">{mine ? 'You' : message.displayName}:</span>
      ) : (
        <p className="mb-1 flex items-baseline gap-2 text-xs text-muted">
          <span className="font-semibold text-text">{mine ? 'You' : message.displayName}</span>
          <time dateTime={new Date(message.ts).toISOString()}>{formatClock(message.ts)}</time>
        </p>
      )}
      <div
        className={cn(
          'max-w-full rounded-lg px-3.5 py-2',
          mine ? 'bg-accent-soft text-on-accent-soft' : 'bg-surface-2 text-text',
        )}
      >
        <MessageText text={message.text} />
      </div>
    </div>
  )
}
