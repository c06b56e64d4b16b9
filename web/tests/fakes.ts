/** What the test environments lack of a browser. */
let streams = 0

class FakeMediaStream extends EventTarget {
  readonly id = `stream-${++streams}`
  readonly tracks = new Set<MediaStreamTrack>()

  constructor(tracks: MediaStreamTrack[] = []) {
    super()
    for (const track of tracks) this.tracks.add(track)
  }

  getTracks = () => [...this.tracks]
  addTrack = (track: MediaStreamTrack) => void this.tracks.add(track)
  removeTrack = (track: MediaStreamTrack) => void this.tracks.delete(track)
}

class FakeResizeObserver {
  readonly #callback: ResizeObserverCallback

  constructor(callback: ResizeObserverCallback) {
    this.#callback = callback
  }

  observe() {
    const entry = { contentRect: { width: 1200, height: 700 } } as ResizeObserverEntry
    this.#callback([entry], this)
  }

  unobserve() {}
  disconnect() {}
}

Object.assign(globalThis, { MediaStream: FakeMediaStream, ResizeObserver: FakeResizeObserver })
