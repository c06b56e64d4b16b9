import { SendHorizontal } from 'lucide-react'
import { useRef, useSyncExternalStore, type FormEvent, type KeyboardEvent } from 'react'
import { cn } from '@/lib/cn'
import type { Store } from '@/lib/store'
import { Button } from '@/ui/button'
import { fieldClasses } from '@/ui/input'

interface ComposerProps {
  /** Kept outside: closing the panel loses nothing. */
  draft: Store<string>
  /** Most code points the server takes. */
  limit: number
  /** Without a connection one can go on writing; it is sent as soon as there is one. */
  connected: boolean
  onSend: (text: string) => void
}

const SHOW_COUNT_FROM = 0.8

export function Composer({ draft, limit, connected, onSend }: ComposerProps) {
  const text = useSyncExternalStore(draft.subscribe, draft.get)
  const area = useRef<HTMLTextAreaElement>(null)
  const length = [...text].length
  const tooLong = length > limit
  const ready = !tooLong && text.trim() !== ''

  const send = () => {
    if (!ready) return
    onSend(text.trim())
    draft.set('')
    area.current?.focus()
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    send()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    // An input method uses Enter to choose a word.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
    event.preventDefault()
    send()
  }

  return (
    <form onSubmit={submit} className="border-t border-border p-3">
      <div className="flex items-end gap-2">
        <textarea
          ref={area}
          data-autofocus
          aria-label="Message"
          aria-describedby="composer-words"
          aria-invalid={tooLong || undefined}
          placeholder="Write to everyone"
          rows={1}
          value={text}
          onChange={(event) => draft.set(event.target.value)}
          onKeyDown={onKeyDown}
          className={cn(fieldClasses, 'field-sizing-content max-h-36 min-h-11 resize-none py-2.5')}
        />
        <Button
          type="submit"
          variant="primary"
          size="icon"
          aria-label="Send"
          className="shrink-0"
          disabled={!ready}
        >
          <SendHorizontal aria-hidden />
        </Button>
      </div>
      <p
        id="composer-words"
        className={cn(
          'text-xs',
          tooLong ? 'text-danger-text' : 'text-muted',
          length >= limit * SHOW_COUNT_FROM || !connected ? 'mt-1.5' : 'sr-only',
        )}
      >
        {tooLong
          ? `${length - limit} characters too many. The limit is ${limit.toLocaleString('en')}.`
          : !connected
            ? 'What you send now goes out as soon as the connection is back.'
            : length >= limit * SHOW_COUNT_FROM
              ? `${(limit - length).toLocaleString('en')} characters left`
              : 'Enter sends, Shift and Enter begin a new line.'}
      </p>
    </form>
  )
}
