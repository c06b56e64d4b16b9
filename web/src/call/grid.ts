/** Where tiles go: rows × columns that give each 16:9 tile the most room. */

export interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

const RATIO = 16 / 9

/** Lay out `count` tiles in `width` × `height` pixels, `gap` apart, the last row centred. */
export function layoutGrid(count: number, width: number, height: number, gap: number): Box[] {
  if (count <= 0 || width <= 0 || height <= 0) return []
  // On a tall screen a tile may be upright: faces are, and empty bands help nobody.
  const narrowest = width > height ? 4 / 3 : 3 / 4
  let best = { columns: 1, tileWidth: 0, tileHeight: 0 }
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns)
    const cellWidth = (width - gap * (columns - 1)) / columns
    const cellHeight = (height - gap * (rows - 1)) / rows
    if (cellWidth <= 0 || cellHeight <= 0) continue
    const ratio = clamp(cellWidth / cellHeight, narrowest, RATIO)
    const tileWidth = Math.min(cellWidth, cellHeight * ratio)
    const tileHeight = tileWidth / ratio
    if (tileWidth * tileHeight > best.tileWidth * best.tileHeight + 1)
      best = { columns, tileWidth, tileHeight }
  }
  const { columns, tileWidth, tileHeight } = best
  const rows = Math.ceil(count / columns)
  const top = (height - rows * tileHeight - gap * (rows - 1)) / 2
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns)
    const inRow = row === rows - 1 ? count - row * columns : columns
    const left = (width - inRow * tileWidth - gap * (inRow - 1)) / 2
    return {
      left: Math.round(left + (index % columns) * (tileWidth + gap)),
      top: Math.round(top + row * (tileHeight + gap)),
      width: Math.floor(tileWidth),
      height: Math.floor(tileHeight),
    }
  })
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high)
}
