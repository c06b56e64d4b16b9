import { SearchX } from 'lucide-react'
import { useMemo, useRef } from 'react'
import type { ExplainedCall } from '@/api/call-record'
import { ApiError } from '@/api/errors'
import { Link } from '@/app/router'
import { ErrorNotice } from '@/features/shell/error-notice'
import { callsPath } from '@/lib/room-id'
import { Button } from '@/ui/button'
import { Message } from '@/ui/message'
import { Notice } from '@/ui/notice'
import { Skeleton } from '@/ui/skeleton'
import { CallHeader } from './call-header'
import { EventList } from './event-list'
import { Findings } from './findings'
import { wholeCall } from './lanes'
import { nameMembers } from './names'
import { PairList } from './pair-list'
import { Timeline } from './timeline'
import { useExplainedCall } from './use-explained-call'
import { useView } from './use-view'

interface CallRecordViewProps {
  roomId: string
  callId: string
}

/** One call: what went wrong first, then who was there when, how each pair was connected, and every step. */
export function CallRecordView({ roomId, callId }: CallRecordViewProps) {
  const { answer, error, load } = useExplainedCall(roomId, callId)
  if (error instanceof ApiError && error.status === 404) return <CallMissing roomId={roomId} />
  if (answer) return <Explained explained={answer.explained} now={answer.at} />
  return error === null ? (
    <CallLoading />
  ) : (
    <div className="flex flex-col items-start gap-3">
      <ErrorNotice error={error} />
      <Button onClick={() => void load()}>Try again</Button>
    </div>
  )
}

function Explained({ explained, now }: { explained: ExplainedCall; now: number }) {
  const { call, findings, summary } = explained
  const { members = [], events = [] } = call
  const nameOf = useMemo(() => nameMembers(members), [members])
  const whole = wholeCall(call, now)
  const view = useView(whole)
  const drawing = useRef<HTMLElement>(null)
  const show = (at: number) => {
    view.showMoment(at)
    drawing.current?.focus({ preventScroll: true })
    drawing.current?.scrollIntoView({ block: 'start' })
  }
  return (
    <div className="flex flex-col gap-10">
      <div className="flex flex-col gap-5">
        <CallHeader explained={explained} whole={whole} />
        {call.interrupted && (
          <Notice>
            The server stopped before this call ended, and wrote down no end. What it had written until then
            is here.
          </Notice>
        )}
        <Findings findings={findings} summary={summary} onShow={show} />
      </div>
      <Timeline ref={drawing} record={call} whole={whole} view={view} nameOf={nameOf} />
      <PairList record={call} nameOf={nameOf} />
      <EventList events={events} more={call.moreEvents ?? 0} nameOf={nameOf} />
    </div>
  )
}

function CallLoading() {
  return (
    <div className="flex flex-col gap-4">
      <Skeleton className="h-9 w-2/3" />
      <Skeleton className="h-28" />
      <Skeleton className="h-64" />
      <p role="status" className="late text-sm text-muted">
        Loading what happened in this call…
      </p>
    </div>
  )
}

function CallMissing({ roomId }: { roomId: string }) {
  return (
    <Message
      icon={<SearchX aria-hidden />}
      title="There is no such call here for you"
      actions={
        <>
          <Button asChild variant="primary">
            <Link href={callsPath(roomId)}>Calls of this room</Link>
          </Button>
          <Button asChild>
            <Link href="/">Back to the start</Link>
          </Button>
        </>
      }
    >
      It may be too long ago: calls are only kept for a while. Or you are not the host or a moderator of this
      room.
    </Message>
  )
}
