/** How the states of members and paths are named and drawn: each with a pattern of its own, not by colour alone. */
import type { State } from './lanes'

const WORDS: Readonly<Record<State, string>> = {
  here: 'In the call',
  away: 'Cut off from the server',
  connecting: 'Looking for a path',
  connected: 'Connected',
  interrupted: 'Broken off',
  recovering: 'Looking for another path',
  failed: 'No path',
  unknown: 'Not reported',
}

export function describeState(state: State): string {
  return WORDS[state]
}

/** In the order of the legend. */
export const STATES = Object.keys(WORDS) as readonly State[]

export const STATE_LOOKS: Readonly<Record<State, string>> = {
  here: 'bg-accent-soft border border-accent',
  away: 'border border-dashed border-warning',
  connecting: 'hatched text-muted border border-border-strong',
  connected: 'bg-accent',
  interrupted: 'border border-warning bg-warning-soft',
  recovering: 'hatched text-warning border border-warning',
  failed: 'bg-danger',
  unknown: 'border border-dashed border-border-strong',
}
