import { useState } from 'react'
import { around, fit, shift, zoom, type Stretch } from './scale'

/** Wide enough to see what led to a moment and what followed. */
const MOMENT_MS = 60_000

export type View = ReturnType<typeof useView>

/** Which stretch of the call is looked at; the whole one, which may still grow, until a part is chosen. */
export function useView(whole: Stretch) {
  const [chosen, setChosen] = useState<Stretch | null>(null)
  const [moment, setMoment] = useState<number | null>(null)
  const shown = chosen ? fit(chosen, whole) : whole
  const isWhole = shown.from <= whole.from && shown.to >= whole.to
  return {
    shown,
    isWhole,
    /** What a finding pointed to. */
    moment,
    choose: (stretch: Stretch) => setChosen(fit(stretch, whole)),
    zoomBy: (factor: number) => setChosen(zoom(shown, whole, factor)),
    shiftBy: (share: number) => setChosen(shift(shown, whole, share)),
    showAll: () => {
      setChosen(null)
      setMoment(null)
    },
    showMoment: (at: number) => {
      setMoment(at)
      setChosen(around(at, whole, MOMENT_MS))
    },
  }
}
