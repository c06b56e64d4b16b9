import { CircleCheck, CircleX, Crosshair, Info, TriangleAlert } from 'lucide-react'
import type { ExplainedCall, Finding } from '@/api/call-record'
import { cn } from '@/lib/cn'
import { formatClockSeconds } from '@/lib/time'
import { Button } from '@/ui/button'

const LOOKS = {
  failed: { label: 'Failed', Icon: CircleX, look: 'bg-danger-soft text-danger-text' },
  degraded: { label: 'Trouble', Icon: TriangleAlert, look: 'bg-warning-soft text-warning-text' },
  note: { label: 'Good to know', Icon: Info, look: 'bg-surface-2 text-muted' },
} as const satisfies Record<Finding['severity'], object>

interface FindingsProps {
  findings: readonly Finding[]
  summary: ExplainedCall['summary']
  onShow: (at: number) => void
}

/** What went wrong and what helps, the worst first, as the server sorted it. */
export function Findings({ findings, summary, onShow }: FindingsProps) {
  return (
    <section aria-label="What stood out">
      {findings.length === 0 ? (
        <p className="flex items-start gap-3 rounded-lg border border-border bg-surface p-4 sm:p-5">
          <CircleCheck aria-hidden className="mt-0.5 size-5 shrink-0 text-accent" />
          <span className="min-w-0 wrap-anywhere">{summary.text}</span>
        </p>
      ) : (
        <ul className="flex flex-col gap-3">
          {findings.map((finding, index) => (
            // The same cause can hold for several pairs, and the list is never put in another order.
            <FindingCard key={`${finding.cause}-${index}`} finding={finding} onShow={onShow} />
          ))}
        </ul>
      )}
    </section>
  )
}

function FindingCard({ finding, onShow }: { finding: Finding; onShow: (at: number) => void }) {
  const { severity, text, hostAdvice, at } = finding
  const { label, Icon, look } = LOOKS[severity]
  return (
    <li className="flex gap-3 rounded-lg border border-border bg-surface p-4 sm:gap-4 sm:p-5">
      <span className={cn('grid size-9 shrink-0 place-items-center rounded-full', look)}>
        <Icon aria-hidden className="size-5" />
      </span>
      <div className="flex min-w-0 flex-1 flex-col gap-1.5">
        <div className="flex flex-wrap items-center justify-between gap-x-3">
          <p className="text-sm font-medium text-muted">{label}</p>
          {at !== null && (
            <Button
              size="sm"
              variant="ghost"
              className="-my-1.5 -mr-2 text-muted tabular-nums max-sm:-ml-3"
              aria-label={`Show ${formatClockSeconds(at)} in the timeline`}
              onClick={() => onShow(at)}
            >
              <Crosshair aria-hidden /> {formatClockSeconds(at)}
            </Button>
          )}
        </div>
        <p className="font-medium text-pretty wrap-anywhere">{text}</p>
        {hostAdvice && <p className="text-sm text-pretty text-muted wrap-anywhere">{hostAdvice}</p>}
      </div>
    </li>
  )
}
