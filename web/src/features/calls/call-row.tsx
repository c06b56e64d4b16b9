import { ChevronRight } from 'lucide-react'
import type { CallEntry } from '@/api/call-record'
import { Link } from '@/app/router'
import { callPath } from '@/lib/room-id'
import { formatClock, formatLength } from '@/lib/time'
import { hasTrouble } from './list'
import { countPeople } from './names'
import { LiveMark, ResultMark } from './result-mark'

interface CallRowProps {
  call: CallEntry
  roomId: string
  /** Up to when a running call has lasted. */
  now: number
}

export function CallRow({ call, roomId, now }: CallRowProps) {
  const { id, startedAt, endedAt, people, text, running } = call
  const until = endedAt ?? (running ? now : null)
  const length = until === null ? '' : formatLength(until - startedAt)
  return (
    <li className="border-b border-border last:border-b-0">
      <Link
        href={callPath(roomId, id)}
        className="group flex items-center gap-3 py-3.5 pr-3 pl-4 -outline-offset-2 transition-colors hover:bg-surface-2 sm:gap-5"
      >
        <div className="min-w-0 flex-1 sm:grid sm:grid-cols-[5.5rem_1fr] sm:gap-x-4">
          <div className="flex flex-wrap items-center justify-between gap-x-3 sm:flex-col sm:items-start sm:justify-start">
            <time
              dateTime={new Date(startedAt).toISOString()}
              className="font-semibold whitespace-nowrap tabular-nums"
            >
              {formatClock(startedAt)}
            </time>
            {hasTrouble(call) && (
              <span className="text-sm text-muted tabular-nums max-sm:hidden">{length}</span>
            )}
            <span className="flex items-center gap-2 sm:hidden">
              <Marks call={call} />
            </span>
          </div>
          <div className="min-w-0">
            <p className="mt-1 text-pretty wrap-anywhere sm:mt-0">{text}</p>
            {/* Where all went well, the text itself says how many and how long. */}
            {hasTrouble(call) && (
              <p className="mt-0.5 text-sm text-muted tabular-nums">
                {length && <span className="sm:hidden">{running ? `for ${length}` : length} · </span>}
                {countPeople(people)}
              </p>
            )}
          </div>
        </div>
        <span className="flex shrink-0 items-center gap-2 max-sm:hidden">
          <Marks call={call} />
        </span>
        <ChevronRight
          aria-hidden
          className="size-4 shrink-0 text-muted transition-transform group-hover:translate-x-0.5"
        />
      </Link>
    </li>
  )
}

/** Of a call that goes on only trouble is worth a word: the rest is not yet known. */
function Marks({ call }: { call: CallEntry }) {
  const { result, running } = call
  return (
    <>
      {running && <LiveMark />}
      {(!running || hasTrouble(call)) && <ResultMark result={result} />}
    </>
  )
}
