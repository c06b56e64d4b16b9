/** Which tile stands where. Everybody keeps their place when someone comes, goes or speaks. */
import { layoutGrid, type Box } from '@/call/grid'

export type Layout = 'grid' | 'speaker'

export interface Size {
  readonly width: number
  readonly height: number
}

/** The own picture. Members' tiles are named by their id, shared screens by `screenKey`. */
export const SELF = 'self'

export function screenKey(clientId: string): string {
  return `screen:${clientId}`
}

/** Parts of the stage that the strip may take, tried from the smallest. */
const STRIPS = [0.18, 0.24, 0.3, 0.38]
/** A strip whose tiles are smaller than this (square pixels) shows nobody. */
const LEAST_STRIP_TILE = 110 * 62

interface FocusInput {
  readonly layout: Layout
  readonly pinned: string | null
  /** Shared screens, in the order they were begun. */
  readonly screens: readonly string[]
  readonly members: readonly string[]
  readonly speaker: string | null
  /** The viewer asked for the grid although a screen is shared. */
  readonly gridForScreens: boolean
}

/** The tile that gets the big place; null when all are equal. */
export function chooseFocus(input: FocusInput): string | null {
  const { layout, pinned, screens, members, speaker, gridForScreens } = input
  if (pinned !== null && (pinned === SELF || screens.includes(pinned) || members.includes(pinned)))
    return pinned
  const newest = screens[screens.length - 1]
  if (newest !== undefined) return gridForScreens ? null : newest
  if (layout === 'grid') return null
  return speaker !== null && members.includes(speaker) ? speaker : (members[0] ?? null)
}

/**
 * Order the tiles so that as few as possible move: the last one fills the gap of one that is gone, newcomers stand at
 * the end, and the one in focus changes places with the one that was. The answer is `before` itself if nothing moved.
 */
export function keepPlaces(
  before: readonly string[],
  keys: readonly string[],
  focus: string | null,
): readonly string[] {
  const order = fillGaps(before, new Set(keys))
  const known = new Set(order)
  for (const key of keys) if (!known.has(key)) order.push(key)
  const place = focus === null ? -1 : order.indexOf(focus)
  if (place > 0) [order[0], order[place]] = [order[place] as string, order[0] as string]
  const same = order.length === before.length && order.every((key, index) => key === before[index])
  return same ? before : order
}

function fillGaps(before: readonly string[], present: ReadonlySet<string>): string[] {
  const order = [...before]
  for (let index = 0; index < order.length; index++) {
    if (present.has(order[index] as string)) continue
    while (order.length > index + 1 && !present.has(order[order.length - 1] as string)) order.pop()
    const last = order.pop() as string
    if (index < order.length) order[index] = last
  }
  return order
}

/** Boxes for the tiles in this order; with `focused`, the first one is the big one. */
export function placeTiles(
  order: readonly string[],
  focused: boolean,
  size: Size,
  gap: number,
): ReadonlyMap<string, Box> {
  const boxes =
    focused && order.length > 1
      ? layoutFocus(order.length, size, gap)
      : layoutGrid(order.length, size.width, size.height, gap)
  return new Map(order.flatMap((key, index) => (boxes[index] ? [[key, boxes[index]] as const] : [])))
}

/** One big tile, the others in a strip: at the right of a wide stage, below on a tall one. */
export function layoutFocus(count: number, { width, height }: Size, gap: number): Box[] {
  if (count <= 0 || width <= 0 || height <= 0) return []
  if (count === 1) return [{ left: 0, top: 0, width, height }]
  const wide = width > height
  let boxes: Box[] = []
  for (const part of STRIPS) {
    const strip = Math.round((wide ? width : height) * part)
    const big: Box = wide
      ? { left: 0, top: 0, width: width - strip - gap, height }
      : { left: 0, top: 0, width, height: height - strip - gap }
    const [left, top] = wide ? [big.width + gap, 0] : [0, big.height + gap]
    const small = layoutGrid(count - 1, wide ? strip : width, wide ? height : strip, gap)
    boxes = [big, ...small.map((box) => ({ ...box, left: box.left + left, top: box.top + top }))]
    const first = small[0]
    if (first && first.width * first.height >= LEAST_STRIP_TILE) break
  }
  return boxes
}

export interface Corner {
  readonly right: boolean
  readonly bottom: boolean
}

/** The own picture over the other's, in a corner. */
export function floatingBox({ width, height }: Size, { right, bottom }: Corner, inset: number): Box {
  const tall = height > width
  const w = Math.round(tall ? Math.min(width * 0.28, 140) : Math.min(Math.max(width * 0.2, 140), 260))
  const h = Math.round(tall ? w * 1.33 : (w * 9) / 16)
  return {
    width: w,
    height: h,
    left: right ? width - w - inset : inset,
    top: bottom ? height - h - inset : inset,
  }
}
