import { useMemo } from 'react'

/** A stream of one track, for showing it. */
export function useTrackStream(track: MediaStreamTrack | null): MediaStream | null {
  return useMemo(() => (track ? new MediaStream([track]) : null), [track])
}
