/** Who has the floor: a choice that does not jump at every cough. */

/** Linear loudness that counts as speech; room noise stays well below. */
export const SPEECH = 0.02
/** Someone new must be the loudest for so long before the floor changes. */
const TAKE_OVER_MS = 600
/** And nobody loses the floor sooner than this. */
const LEAST_FLOOR_MS = 2_000
/** A longer silence than that between words means: it was only a cough. */
const PAUSE_MS = 1_000

export interface Floor {
  readonly speaker: string | null
  readonly since: number
  /** Who is louder than the speaker just now, and since when. */
  readonly challenger: string | null
  readonly challengedAt: number
  readonly challengerHeardAt: number
}

export const emptyFloor: Floor = {
  speaker: null,
  since: 0,
  challenger: null,
  challengedAt: 0,
  challengerHeardAt: 0,
}

/** Go on with the loudness of everybody else now. The answer is the same object if nothing changed. */
export function hearLevels(floor: Floor, levels: ReadonlyMap<string, number>, now: number): Floor {
  const loudest = findLoudest(levels)
  if (floor.speaker === null || !levels.has(floor.speaker)) return giveFloor(floor, loudest, now)
  if (loudest === null) return floor
  if (loudest === floor.speaker) return floor.challenger === null ? floor : { ...floor, challenger: null }
  const goesOn = loudest === floor.challenger && now - floor.challengerHeardAt <= PAUSE_MS
  if (!goesOn) return { ...floor, challenger: loudest, challengedAt: now, challengerHeardAt: now }
  const due = now - floor.challengedAt >= TAKE_OVER_MS && now - floor.since >= LEAST_FLOOR_MS
  return due ? giveFloor(floor, loudest, now) : { ...floor, challengerHeardAt: now }
}

function giveFloor(floor: Floor, speaker: string | null, now: number): Floor {
  if (speaker !== null) return { ...emptyFloor, speaker, since: now }
  return floor.speaker === null ? floor : emptyFloor
}

function findLoudest(levels: ReadonlyMap<string, number>): string | null {
  let found: string | null = null
  let most = SPEECH
  for (const [id, level] of levels) {
    if (level <= most) continue
    found = id
    most = level
  }
  return found
}
