/** The marks on the lanes: what kind of news an event is, and events too close to tell apart as one mark. */
import type { CallEvent, CallEventKind } from '@/api/call-record'
import { isInView, placeOf, type Stretch } from './scale'

export type Tone = 'bad' | 'warning' | 'good' | 'plain'

const TONES: Readonly<Record<CallEventKind, Tone>> = {
  join: 'plain',
  leave: 'plain',
  lost: 'warning',
  back: 'good',
  refused: 'warning',
  offer: 'plain',
  answer: 'plain',
  connected: 'good',
  disconnected: 'warning',
  failed: 'bad',
  timeout: 'bad',
  abandoned: 'plain',
  ice_restart: 'warning',
  rebuild: 'warning',
  media_error: 'bad',
  media: 'plain',
  role: 'plain',
  unreachable: 'bad',
}

const BAD_LEAVES = new Set(['lost', 'slow', 'protocol', 'expired', 'server'])

/** What kind of news an event is; a kind that a newer server knows is plain. */
export function toneOf({ kind, detail = '' }: CallEvent): Tone {
  if (kind === 'leave' && BAD_LEAVES.has(detail)) return 'bad'
  return Object.hasOwn(TONES, kind) ? TONES[kind] : 'plain'
}

export interface Mark {
  /** In percent of the width of the drawing. */
  readonly left: number
  /** In order; the mark looks like the worst of them. */
  readonly events: readonly CallEvent[]
  readonly worst: CallEvent
}

const RANK: Readonly<Record<Tone, number>> = { plain: 0, good: 1, warning: 2, bad: 3 }

/**
 * Place the events that are in view, those closer than `closest` percent together as one mark at the first of them.
 *
 * @param events in order of time.
 */
export function marksOf(events: readonly CallEvent[], view: Stretch, closest: number): Mark[] {
  const marks: Mark[] = []
  for (const event of events) {
    if (!isInView(event.at, view)) continue
    const left = placeOf(event.at, view)
    const before = marks.at(-1)
    if (before && left - before.left < closest) marks[marks.length - 1] = join(before, event)
    else marks.push({ left, events: [event], worst: event })
  }
  return marks
}

function join(mark: Mark, event: CallEvent): Mark {
  const worse = RANK[toneOf(event)] > RANK[toneOf(mark.worst)]
  return { ...mark, events: [...mark.events, event], worst: worse ? event : mark.worst }
}
