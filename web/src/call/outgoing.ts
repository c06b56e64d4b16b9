/** Numbered frames on their way to the server, kept until it says that it handled them. */
import type { ClientMessage } from '@/protocol/messages'
import { tellsAll } from './pacer'

/** More than anyone sends while a connection is lost; beyond it the session is given up, never halved. */
const MOST_FRAMES = 512
/** A session is never given up for reports of paths: beyond this they are not kept. */
const MOST_WITH_REPORTS = MOST_FRAMES / 2

/** Of these only the newest counts. */
const REPLACEABLE: ReadonlySet<ClientMessage['type']> = new Set<ClientMessage['type']>([
  'media',
  'profile',
  'hand',
])

interface Kept {
  readonly frame: ClientMessage & { readonly id: number }
  /** Whether it ever went out: the server may have handled it. */
  sent: boolean
}

export class Outgoing {
  #kept: Kept[] = []
  #overflowed = false

  /** Whether frames were let go of that the server may never have seen: the session cannot go on. */
  get overflowed(): boolean {
    return this.#overflowed
  }

  get size(): number {
    return this.#kept.length
  }

  /** Keep a frame until it is acknowledged; `sent` says that it goes out now. Frames without `id` are not kept. */
  add(frame: ClientMessage, sent: boolean): void {
    if (frame.id === undefined) return
    this.#makeWay(frame)
    if (frame.type === 'path' && this.#kept.length >= MOST_WITH_REPORTS) return
    this.#kept.push({ frame: { ...frame, id: frame.id }, sent })
    if (this.#kept.length > MOST_FRAMES) {
      this.#kept = []
      this.#overflowed = true
    }
  }

  /** Let go of what never went out and tells nothing beside this frame. */
  #makeWay(frame: ClientMessage): void {
    if (REPLACEABLE.has(frame.type))
      this.#kept = this.#kept.filter((old) => old.sent || old.frame.type !== frame.type)
    if (frame.type !== 'path') return
    const last = this.#kept.findLast(
      ({ frame: old }) => old.type === 'path' && old.clientId === frame.clientId,
    )
    if (last?.frame.type === 'path' && !last.sent && tellsAll(frame, last.frame))
      this.#kept = this.#kept.filter((old) => old !== last)
  }

  /** Let go of all frames up to and including `id`. */
  acknowledge(id: number): void {
    this.#kept = this.#kept.filter(({ frame }) => frame.id > id)
  }

  /** The session goes on: return what the server has not handled, in order. `lastId`: the last it did handle. */
  resume(lastId: number | undefined): ClientMessage[] {
    if (lastId !== undefined) this.acknowledge(lastId)
    for (const kept of this.#kept) kept.sent = true
    return this.#kept.map(({ frame }) => frame)
  }

  /** Begin a new session: what was for the old one is of no use. */
  clear(): void {
    this.#kept = []
    this.#overflowed = false
  }
}
