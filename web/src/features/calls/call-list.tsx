import { History, PhoneOff, SearchX } from 'lucide-react'
import { useState } from 'react'
import type { CallEntry } from '@/api/call-record'
import { ApiError } from '@/api/errors'
import { Link } from '@/app/router'
import { ErrorNotice } from '@/features/shell/error-notice'
import { Button } from '@/ui/button'
import { Message } from '@/ui/message'
import { Skeleton } from '@/ui/skeleton'
import { Switch } from '@/ui/switch'
import { CallRow } from './call-row'
import { groupByDay, hasTrouble, nameDay } from './list'
import { useCalls } from './use-calls'

/** The calls of a room, newest first, by day. */
export function CallList({ roomId }: { roomId: string }) {
  const { calls, error, load, older } = useCalls(roomId)
  const [troubled, setTroubled] = useState(false)
  if (error instanceof ApiError && error.status === 404) return <CallsMissing />
  const shown = (calls?.list ?? []).filter((call) => !troubled || hasTrouble(call))
  return (
    <>
      <div className="mb-6 flex flex-wrap items-center justify-between gap-x-6 gap-y-3">
        <h1 className="text-xl font-semibold">Calls</h1>
        {calls && calls.list.length > 0 && (
          <div className="flex items-center gap-3 text-sm">
            <label htmlFor="troubled">Only with trouble</label>
            <Switch id="troubled" checked={troubled} onCheckedChange={setTroubled} />
          </div>
        )}
      </div>
      {calls === null ? (
        error === null ? (
          <CallsLoading />
        ) : (
          <div className="flex flex-col items-start gap-3">
            <ErrorNotice error={error} />
            <Button onClick={() => void load()}>Try again</Button>
          </div>
        )
      ) : calls.list.length === 0 ? (
        <NoCalls />
      ) : (
        <>
          {shown.length === 0 && (
            <p className="rounded-lg border border-dashed border-border-strong px-6 py-10 text-center text-muted">
              No trouble in {calls.next === null ? 'any call' : 'the calls that are loaded'}.
            </p>
          )}
          <Days calls={shown} roomId={roomId} now={calls.at} />
          <div className="mt-6 flex flex-col items-start gap-3">
            <ErrorNotice error={older.error} />
            {calls.next !== null && (
              <Button busy={older.busy} onClick={() => void older.run()}>
                <History aria-hidden /> {older.busy ? 'Loading…' : 'Older calls'}
              </Button>
            )}
          </div>
        </>
      )}
    </>
  )
}

function Days({ calls, roomId, now }: { calls: readonly CallEntry[]; roomId: string; now: number }) {
  return (
    <div className="flex flex-col gap-6">
      {groupByDay(calls).map((day) => (
        <section key={day.at} aria-labelledby={`day-${day.at}`}>
          <h2 id={`day-${day.at}`} className="mb-2 text-sm font-semibold text-muted">
            {nameDay(day.at, now)}
          </h2>
          <ul className="flex flex-col overflow-hidden rounded-lg border border-border bg-surface">
            {day.calls.map((call) => (
              <CallRow key={call.id} call={call} roomId={roomId} now={now} />
            ))}
          </ul>
        </section>
      ))}
    </div>
  )
}

function CallsLoading() {
  return (
    <div className="flex flex-col gap-2">
      <Skeleton className="mb-1 h-5 w-24" />
      <Skeleton className="h-20" />
      <Skeleton className="h-20" />
      <Skeleton className="h-20" />
      <p role="status" className="late text-sm text-muted">
        Loading the calls of this room…
      </p>
    </div>
  )
}

function NoCalls() {
  return (
    <div className="flex flex-col items-center gap-3 rounded-lg border border-dashed border-border-strong px-6 py-12 text-center">
      <PhoneOff aria-hidden className="size-6 text-muted" />
      <p className="font-medium">No calls yet</p>
      <p className="max-w-prose text-sm text-pretty text-muted">
        After each call you find here who was there, how the connections held, and what went wrong. What was
        said or shown is not kept.
      </p>
    </div>
  )
}

/** Also for those who may not look: whether the room exists is not theirs to know. */
function CallsMissing() {
  return (
    <Message
      icon={<SearchX aria-hidden />}
      title="There are no calls here for you"
      actions={
        <Button asChild variant="primary">
          <Link href="/">Back to the start</Link>
        </Button>
      }
    >
      There is no such room, or you are not its host or moderator.
    </Message>
  )
}
