import { CircleCheck, CircleDashed, CircleX, TriangleAlert } from 'lucide-react'
import type { CallResult } from '@/api/call-record'
import { cn } from '@/lib/cn'

const RESULTS = {
  ok: { label: 'Went well', Icon: CircleCheck, look: 'text-accent' },
  degraded: { label: 'With trouble', Icon: TriangleAlert, look: 'bg-warning-soft text-warning-text' },
  failed: { label: 'Failed', Icon: CircleX, look: 'bg-danger-soft text-danger-text' },
  empty: { label: 'Nobody met', Icon: CircleDashed, look: 'text-muted' },
} as const satisfies Record<CallResult, object>

/** What came of a call, as a word with a sign; colour only underlines it. */
export function ResultMark({ result }: { result: CallResult }) {
  const { label, Icon, look } = RESULTS[result]
  return (
    <span
      className={cn(
        'inline-flex shrink-0 items-center gap-1.5 rounded-full py-0.5 text-sm font-medium whitespace-nowrap',
        (result === 'failed' || result === 'degraded') && 'px-2.5',
        look,
      )}
    >
      <Icon aria-hidden className="size-4" /> {label}
    </span>
  )
}

/** The call goes on while one reads. */
export function LiveMark() {
  return (
    <span className="inline-flex shrink-0 items-center gap-2 rounded-full bg-accent-soft px-2.5 py-0.5 text-sm font-medium whitespace-nowrap text-on-accent-soft">
      <span aria-hidden className="pulse size-2 rounded-full bg-accent" /> Live
    </span>
  )
}
