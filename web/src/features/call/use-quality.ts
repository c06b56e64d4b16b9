import { createContext, useContext, useEffect, useState, useSyncExternalStore } from 'react'
import type { Call } from '@/call/controller'
import type { PeerStats } from '@/call/stats'
import { createStore, type Store } from '@/lib/store'
import { countFreezes, rate, rateStats, type Rating } from './quality'

const EVERY_MS = 2_000

export interface Watched {
  readonly rating: Rating
  /** Null while there is no path. */
  readonly stats: PeerStats | null
}

export type QualityStore = Store<ReadonlyMap<string, Watched>>

/** Judge everyone's connection at each `update`; `lost`: those who do not reach us at all. */
export function createQualityWatch(read: () => Promise<ReadonlyMap<string, PeerStats>>) {
  const store: QualityStore = createStore<ReadonlyMap<string, Watched>>(new Map())
  let freezes: ReadonlyMap<string, number> = new Map()
  const judge = (id: string, stats: PeerStats, lost: boolean): Watched => {
    const frozen = countFreezes(stats)
    const quality = lost ? 'lost' : rateStats(stats, Math.max(0, frozen - (freezes.get(id) ?? frozen)))
    return { rating: rate(store.get().get(id)?.rating ?? null, quality), stats: lost ? null : stats }
  }
  const update = async (lost: ReadonlySet<string>) => {
    const all = [...(await read())]
    const judged = new Map(all.map(([id, stats]) => [id, judge(id, stats, lost.has(id))]))
    freezes = new Map(all.map(([id, stats]) => [id, countFreezes(stats)]))
    store.set(judged)
  }
  return { store, update }
}

/** Watch the connections to everyone while the page can be seen. */
export function useQualityWatch(call: Call): QualityStore {
  const [{ store, update }] = useState(() => createQualityWatch(() => call.stats()))
  useEffect(() => {
    let busy = false
    const look = () => {
      if (busy || document.hidden) return
      busy = true
      const lost = call.state().members.filter(({ link }) => link === 'lost')
      // What cannot be read now is asked for again soon.
      void update(new Set(lost.map(({ id }) => id)))
        .catch(() => undefined)
        .finally(() => (busy = false))
    }
    const timer = setInterval(look, EVERY_MS)
    return () => clearInterval(timer)
  }, [call, update])
  return store
}

export const QualityContext = createContext<QualityStore>(
  createStore<ReadonlyMap<string, Watched>>(new Map()),
)

export function useQuality(clientId: string): Watched | null {
  const store = useContext(QualityContext)
  return useSyncExternalStore(store.subscribe, () => store.get().get(clientId) ?? null)
}
