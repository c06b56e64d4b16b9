import { Download, Route } from 'lucide-react'
import type { CallRecord, ExplainedCall } from '@/api/call-record'
import { formatClock, formatClockSeconds, formatLength } from '@/lib/time'
import { Button } from '@/ui/button'
import { CallId } from './call-id'
import { isRunning } from './lanes'
import { countPeople, peopleOf } from './names'
import { LiveMark, ResultMark } from './result-mark'
import { lengthOf, type Stretch } from './scale'

/** Which call it was, how long, with how many, and what to take along. */
export function CallHeader({ explained, whole }: { explained: ExplainedCall; whole: Stretch }) {
  const { call, summary, traceUrl } = explained
  const running = isRunning(call)
  return (
    <header className="flex flex-col gap-3">
      <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="flex flex-col gap-1.5">
          <h1 className="text-xl font-semibold">{formatDay(call.startedAt)}</h1>
          <p className="flex flex-wrap items-center gap-x-3 gap-y-1.5 text-muted tabular-nums">
            {running && <LiveMark />}
            {(!running || summary.result !== 'ok') && <ResultMark result={summary.result} />}
            <span>
              {[describeTimes(call), formatLength(lengthOf(whole)), countPeople(peopleOf(call))].join(' · ')}
            </span>
          </p>
        </div>
        <div className="flex flex-wrap gap-2">
          {traceUrl && (
            <Button asChild size="sm">
              <a href={traceUrl} target="_blank" rel="noreferrer">
                <Route aria-hidden /> Open trace
              </a>
            </Button>
          )}
          <Button size="sm" onClick={() => download(explained)}>
            <Download aria-hidden /> Download JSON
          </Button>
        </div>
      </div>
      <CallId callId={call.id} />
    </header>
  )
}

function formatDay(at: number): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'full' }).format(at)
}

function describeTimes({ startedAt, endedAt }: CallRecord): string {
  if (endedAt == null) return `since ${formatClock(startedAt)}`
  const sameMinute = formatClock(startedAt) === formatClock(endedAt)
  const format = sameMinute ? formatClockSeconds : formatClock
  return `${format(startedAt)} – ${format(endedAt)}`
}

function download({ call }: ExplainedCall): void {
  const file = new Blob([`${JSON.stringify(call, null, 2)}\n`], { type: 'application/json' })
  const url = URL.createObjectURL(file)
  const link = document.createElement('a')
  link.href = url
  link.download = `call-${call.id}.json`
  link.click()
  URL.revokeObjectURL(url)
}
