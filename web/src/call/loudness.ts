/** Who is speaking, from the loudness that comes with the packets. */
import { createStore, type Store } from '@/lib/store'
import { emptyFloor, hearLevels, SPEECH, type Floor } from './speaker'

const EVERY_MS = 150
/** People pause between words. */
const HOLD_MS = 700

export class Loudness {
  readonly speaking: Store<ReadonlySet<string>> = createStore<ReadonlySet<string>>(new Set())
  /** Who has the floor, for the big tile. */
  readonly speaker: Store<string | null> = createStore<string | null>(null)
  readonly #read: () => ReadonlyMap<string, number>
  readonly #now: () => number
  readonly #heardAt = new Map<string, number>()
  #floor: Floor = emptyFloor

  constructor(read: () => ReadonlyMap<string, number>, now: () => number = Date.now) {
    this.#read = read
    this.#now = now
  }

  start(): () => void {
    const timer = setInterval(() => this.update(), EVERY_MS)
    return () => clearInterval(timer)
  }

  update(): void {
    const now = this.#now()
    const levels = this.#read()
    for (const [id, level] of levels) if (level > SPEECH) this.#heardAt.set(id, now)
    const speaking = new Set<string>()
    for (const [id, at] of this.#heardAt) {
      if (now - at <= HOLD_MS) speaking.add(id)
      else this.#heardAt.delete(id)
    }
    const before = this.speaking.get()
    if (speaking.size !== before.size || [...speaking].some((id) => !before.has(id)))
      this.speaking.set(speaking)
    this.#floor = hearLevels(this.#floor, levels, now)
    this.speaker.set(this.#floor.speaker)
  }
}
