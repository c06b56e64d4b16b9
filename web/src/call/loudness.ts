/** Who is speaking, from the loudness that comes with the packets. */
import { createStore, type Store } from '@/lib/store'

const EVERY_MS = 150
/** Linear loudness that counts as speech; room noise stays well below. */
const THRESHOLD = 0.02
/** People pause between words. */
const HOLD_MS = 700

export class Loudness {
  readonly speaking: Store<ReadonlySet<string>> = createStore<ReadonlySet<string>>(new Set())
  /** Who spoke last, for the big tile. */
  readonly speaker: Store<string | null> = createStore<string | null>(null)
  readonly #read: () => ReadonlyMap<string, number>
  readonly #now: () => number
  readonly #heardAt = new Map<string, number>()

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
    let loudest = { id: '', level: THRESHOLD }
    for (const [id, level] of this.#read()) {
      if (level > THRESHOLD) this.#heardAt.set(id, now)
      if (level > loudest.level) loudest = { id, level }
    }
    const speaking = new Set<string>()
    for (const [id, at] of this.#heardAt) {
      if (now - at <= HOLD_MS) speaking.add(id)
      else this.#heardAt.delete(id)
    }
    const before = this.speaking.get()
    if (speaking.size !== before.size || [...speaking].some((id) => !before.has(id)))
      this.speaking.set(speaking)
    const current = this.speaker.get()
    if (loudest.id && (current === null || !speaking.has(current))) this.speaker.set(loudest.id)
  }
}
