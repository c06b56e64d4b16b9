import { ArrowDown, Copy, MessageSquare } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import type { ChatMessage, PendingChat } from '@/call/types'
import { cn } from '@/lib/cn'
import { copyText } from '@/lib/copy'
import { formatClock } from '@/lib/time'
import { Button } from '@/ui/button'
import { toast } from '@/ui/toast'
import { setLines, writeOut, type Line } from './conversation'
import { MessageText } from './message-text'

interface MessageListProps {
  messages: readonly ChatMessage[]
  pending: readonly PendingChat[]
  /** The message at which the unread ones begin. */
  firstNew: string | null
  canRetry: boolean
  onRetry: (frameId: number) => void
}

const NEAR_END_PX = 80

export function MessageList({ messages, pending, firstNew, canRetry, onRetry }: MessageListProps) {
  const list = useRef<HTMLDivElement>(null)
  const [atEnd, setAtEnd] = useState(true)
  const [openedAt] = useState(Date.now)
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
            Messages are seen by everyone in the call, also by those who come later, and are gone when it
            ends.
          </div>
        )}
        {setLines(messages, firstNew, openedAt).map((line) => (
          <ChatLine key={line.message.id} line={line} />
        ))}
        {pending.map((chat) => (
          <PendingLine key={chat.frameId} chat={chat} canRetry={canRetry} onRetry={onRetry} />
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
      {messages.length > 0 && (
        <Button
          size="sm"
          variant="ghost"
          className="mx-3 mb-1 self-end text-muted"
          onClick={() => void copy(writeOut(messages, formatClock), 'The conversation was copied.')}
        >
          <Copy aria-hidden /> Copy all
        </Button>
      )}
    </div>
  )
}

async function copy(text: string, done: string): Promise<void> {
  toast((await copyText(text)) ? done : 'Your browser did not allow copying.', { forMs: 2_500 })
}

function Divider({ children, accent = false }: { children: string; accent?: boolean }) {
  return (
    <div className={cn('mt-4 flex items-center gap-3 text-xs', accent ? 'text-accent' : 'text-muted')}>
      <span aria-hidden className="h-px flex-1 bg-border" />
      {children}
      <span aria-hidden className="h-px flex-1 bg-border" />
    </div>
  )
}

function ChatLine({ line: { message, day, isNew, together } }: { line: Line }) {
  const { mine } = message
  const at = new Date(message.ts)
  return (
    <>
      {day !== null && <Divider>{day}</Divider>}
      {isNew && <Divider accent>New messages</Divider>}
      <div
        className={cn(
          'group/line flex max-w-[85%] flex-col',
          mine ? 'items-end self-end' : 'self-start',
          together ? 'mt-1' : 'mt-4',
        )}
      >
        {together ? (
          <span className="sr-only">{mine ? 'You' : message.displayName}:</span>
        ) : (
          <p className="mb-1 flex max-w-full items-baseline gap-2 text-xs text-muted">
            <bdi className="truncate font-semibold text-text">{mine ? 'You' : message.displayName}</bdi>
            <time dateTime={at.toISOString()} title={at.toLocaleString()}>
              {formatClock(message.ts)}
            </time>
          </p>
        )}
        <div className={cn('flex max-w-full items-center gap-1', mine && 'flex-row-reverse')}>
          <div
            className={cn(
              'min-w-0 rounded-lg px-3.5 py-2',
              mine ? 'bg-accent-soft text-on-accent-soft' : 'bg-surface-2 text-text',
            )}
            title={together ? at.toLocaleString() : undefined}
          >
            <MessageText text={message.text} />
          </div>
          {/* For the pointer only: hundreds of stops would bury the field below for the keyboard, which has "Copy all". */}
          <button
            type="button"
            tabIndex={-1}
            aria-label="Copy this text"
            title="Copy"
            onClick={() => void copy(message.text, 'Copied.')}
            className="grid size-7 shrink-0 place-items-center rounded-sm text-muted opacity-0 transition-opacity group-hover/line:opacity-100 hover:bg-surface-2"
          >
            <Copy aria-hidden className="size-3.5" />
          </button>
        </div>
      </div>
    </>
  )
}

interface PendingLineProps {
  chat: PendingChat
  canRetry: boolean
  onRetry: (frameId: number) => void
}

function PendingLine({ chat, canRetry, onRetry }: PendingLineProps) {
  return (
    <div className="mt-2 flex max-w-[85%] flex-col items-end self-end">
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
            disabled={!canRetry}
            onClick={() => onRetry(chat.frameId)}
            className="rounded-sm font-semibold underline underline-offset-2 disabled:no-underline"
          >
            Try again
          </button>
        </p>
      ) : (
        <p className="late mt-1 text-xs text-muted">{canRetry ? 'Sending…' : 'Waits for the connection'}</p>
      )}
    </div>
  )
}
