/** What the browser tells about the world around the page. */

export type Change =
  /** The machine has another way to the world, or has one again. */
  | 'network'
  /** Something that makes a silent connection worth a question: the page is looked at again, the line changed. */
  | 'doubt'
  /** The page goes away, perhaps only into the back/forward cache, where nothing runs. */
  | 'gone'

/** The part of Network Information that is used; only some browsers have it. */
interface NetworkInformation extends EventTarget {
  readonly type?: string
}

/** Follow the browser's events; the answer stops that. */
export function watchSurroundings(tell: (change: Change) => void): () => void {
  const stop = new AbortController()
  const { signal } = stop
  const network = () => tell('network')
  window.addEventListener('online', network, { signal })
  window.addEventListener('pagehide', () => tell('gone'), { signal })
  document.addEventListener(
    'visibilitychange',
    () => {
      if (document.visibilityState === 'visible') tell('doubt')
    },
    { signal },
  )
  const connection =
    'connection' in navigator ? (navigator.connection as NetworkInformation | undefined) : undefined
  let type = connection?.type
  // It also fires when its guess of the speed changes, which is no other network.
  connection?.addEventListener?.(
    'change',
    () => {
      const before = type
      type = connection.type
      tell(type === before ? 'doubt' : 'network')
    },
    { signal },
  )
  return () => stop.abort()
}
