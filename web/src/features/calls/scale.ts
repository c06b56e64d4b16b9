/** From moments to places: which stretch of a call is shown, and where in it something stands. */

/** Milliseconds since 1970. */
export interface Stretch {
  readonly from: number
  readonly to: number
}

/** A part of the drawing, in percent of its width. */
export interface Span {
  readonly left: number
  readonly width: number
}

/** Closer than this there is nothing to see: what browsers and server say is not more exact. */
export const CLOSEST_MS = 2_000

export function lengthOf({ from, to }: Stretch): number {
  return to - from
}

/** Where a moment stands, in percent; outside of 0 to 100 when it is not in view. */
export function placeOf(at: number, view: Stretch): number {
  return ((at - view.from) / lengthOf(view)) * 100
}

/** The part of a stretch that is in view; null when none of it is. */
export function spanOf(stretch: Stretch, view: Stretch): Span | null {
  const from = Math.max(stretch.from, view.from)
  const to = Math.min(stretch.to, view.to)
  if (to < from || (to === from && lengthOf(stretch) > 0)) return null
  const left = placeOf(from, view)
  return { left, width: placeOf(to, view) - left }
}

export function isInView(at: number, view: Stretch): boolean {
  return at >= view.from && at <= view.to
}

/** Bring a stretch inside the whole, keeping its length where that fits. */
export function fit(stretch: Stretch, whole: Stretch): Stretch {
  const length = Math.min(Math.max(lengthOf(stretch), CLOSEST_MS), lengthOf(whole))
  const middle = (stretch.from + stretch.to) / 2
  const from = Math.min(Math.max(middle - length / 2, whole.from), whole.to - length)
  return { from, to: from + length }
}

/** Show less (`factor` below 1) or more of the call around the middle of the view. */
export function zoom(view: Stretch, whole: Stretch, factor: number): Stretch {
  const middle = (view.from + view.to) / 2
  const half = (lengthOf(view) * factor) / 2
  return fit({ from: middle - half, to: middle + half }, whole)
}

/** Go earlier (negative) or later by a share of what is in view. */
export function shift(view: Stretch, whole: Stretch, share: number): Stretch {
  const by = lengthOf(view) * share
  return fit({ from: view.from + by, to: view.to + by }, whole)
}

export function around(at: number, whole: Stretch, lengthMs: number): Stretch {
  return fit({ from: at - lengthMs / 2, to: at + lengthMs / 2 }, whole)
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12, 24].map((count) => count * HOUR),
]

export interface Ticks {
  readonly at: readonly number[]
  /** Whether they stand closer than minutes, so that labels need seconds. */
  readonly seconds: boolean
}

/**
 * At most so many marks on round times of the reader's clock.
 *
 * @param offsetMs what the reader's clock is ahead of UTC.
 */
export function ticksOf(view: Stretch, most: number, offsetMs: number): Ticks {
  const step = STEPS.find((size) => lengthOf(view) / size <= most) ?? Math.ceil(lengthOf(view) / most)
  const first = Math.ceil((view.from + offsetMs) / step) * step - offsetMs
  const count = Math.max(0, Math.floor((view.to - first) / step) + 1)
  return { at: Array.from({ length: count }, (_, index) => first + index * step), seconds: step < MINUTE }
}

/** What the clock of this browser was ahead of UTC at a moment. */
export function clockOffset(at: number): number {
  return -new Date(at).getTimezoneOffset() * MINUTE
}
