import { ChevronLeft, ChevronRight, ZoomIn, ZoomOut } from 'lucide-react'
import type { ReactNode } from 'react'
import { formatClockSeconds } from '@/lib/time'
import { Button } from '@/ui/button'
import { CLOSEST_MS, lengthOf, type Stretch } from './scale'
import type { View } from './use-view'

const CLOSER = 0.5
const STEP = 0.5

/** Look closer at a part of the call, and move along it. */
export function ZoomBar({ view, whole }: { view: View; whole: Stretch }) {
  const { shown, isWhole } = view
  const closest = lengthOf(shown) <= Math.min(CLOSEST_MS, lengthOf(whole))
  return (
    <div
      role="group"
      aria-label="Part of the call that is shown"
      className="ml-auto flex flex-wrap items-center justify-end gap-1"
    >
      <p role="status" className="text-sm not-empty:mr-2 text-muted tabular-nums">
        {isWhole ? '' : `${formatClockSeconds(shown.from)} – ${formatClockSeconds(shown.to)}`}
      </p>
      {!isWhole && (
        <Button size="sm" variant="soft" className="mr-1" onClick={view.showAll}>
          Whole call
        </Button>
      )}
      <Tool label="Earlier" off={shown.from <= whole.from} onClick={() => view.shiftBy(-STEP)}>
        <ChevronLeft aria-hidden />
      </Tool>
      <Tool label="Later" off={shown.to >= whole.to} onClick={() => view.shiftBy(STEP)}>
        <ChevronRight aria-hidden />
      </Tool>
      <Tool label="Show more" off={isWhole} onClick={() => view.zoomBy(1 / CLOSER)}>
        <ZoomOut aria-hidden />
      </Tool>
      <Tool label="Look closer" off={closest} onClick={() => view.zoomBy(CLOSER)}>
        <ZoomIn aria-hidden />
      </Tool>
    </div>
  )
}

interface ToolProps {
  label: string
  /** There is nothing further; the button keeps the focus and does nothing. */
  off: boolean
  onClick: () => void
  children: ReactNode
}

function Tool({ label, off, onClick, children }: ToolProps) {
  return (
    <Button
      size="iconSm"
      variant="ghost"
      aria-label={label}
      title={label}
      aria-disabled={off}
      onClick={() => !off && onClick()}
    >
      {children}
    </Button>
  )
}
