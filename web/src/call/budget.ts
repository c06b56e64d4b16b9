/** How the uplink is shared: each member gets a copy of what we send, and all copies take one line. */

export interface Budget {
  /** Bits per second for each copy. */
  readonly maxBitrate: number
  readonly scaleResolutionDownBy: number
}

/** What each copy of the camera may take. While a screen is shared, the camera stands back. */
export function cameraBudget(peers: number, sharing: boolean): Budget {
  const full = cameraAlone(peers)
  if (!sharing) return full
  return {
    maxBitrate: Math.max(full.maxBitrate / 2, 150_000),
    scaleResolutionDownBy: Math.max(full.scaleResolutionDownBy, 2),
  }
}

function cameraAlone(peers: number): Budget {
  if (peers <= 1) return { maxBitrate: 2_000_000, scaleResolutionDownBy: 1 }
  if (peers === 2) return { maxBitrate: 1_200_000, scaleResolutionDownBy: 1 }
  if (peers <= 4) return { maxBitrate: 600_000, scaleResolutionDownBy: 2 }
  return { maxBitrate: 350_000, scaleResolutionDownBy: 2 }
}

/** What each copy of the shared screen may take: never scaled, for text has to stay readable. */
export function screenBudget(peers: number): Budget {
  const maxBitrate = peers <= 1 ? 2_500_000 : peers === 2 ? 1_500_000 : peers <= 4 ? 900_000 : 500_000
  return { maxBitrate, scaleResolutionDownBy: 1 }
}
