import { Copy } from 'lucide-react'
import { copyCallId } from '@/features/rooms/copy-link'
import { cn } from '@/lib/cn'

/** What to name to whoever runs the server, when something went wrong. */
export function CallId({ callId, className }: { callId: string; className?: string }) {
  return (
    <p className={cn('flex flex-wrap items-center gap-x-2 text-xs text-muted', className)}>
      <span>Call ID</span>
      <span className="inline-flex items-center gap-1">
        <code className="font-mono wrap-anywhere">{callId}</code>
        <button
          type="button"
          aria-label="Copy call ID"
          title="Copy call ID"
          className="grid size-7 shrink-0 place-items-center rounded-sm hover:bg-surface-2 hover:text-text"
          onClick={() => void copyCallId(callId)}
        >
          <Copy aria-hidden className="size-3.5" />
        </button>
      </span>
    </p>
  )
}
