/** Getting at a device: what to ask the browser for, and what its refusals mean. */

export type MediaFault =
  | 'denied'
  | 'noDevice'
  | 'busy'
  /** The page is not served over HTTPS (or from localhost), so browsers hide all devices. */
  | 'insecure'
  | 'unplugged'
  /** It was allowed, and then no longer. */
  | 'revoked'
  | 'unknown'

export type MediaKind = 'audio' | 'video'

/** The part of MediaDevices that is used, so that tests can stand in for it. */
export type Devices = Pick<
  MediaDevices,
  'getUserMedia' | 'enumerateDevices' | 'addEventListener' | 'removeEventListener'
> &
  Partial<Pick<MediaDevices, 'getDisplayMedia'>>

export function toFault(error: unknown): MediaFault {
  const name = error instanceof Error || error instanceof DOMException ? error.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError' || name === 'PermissionDeniedError')
    return 'denied'
  if (name === 'NotFoundError' || name === 'DevicesNotFoundError') return 'noDevice'
  if (name === 'NotReadableError' || name === 'TrackStartError' || name === 'AbortError') return 'busy'
  return 'unknown'
}

export function constraintsFor(kind: MediaKind, deviceId: string): MediaTrackConstraints {
  const device = deviceId ? { deviceId: { exact: deviceId } } : {}
  return kind === 'audio'
    ? { ...device, echoCancellation: true, noiseSuppression: true, autoGainControl: true }
    : { ...device, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } }
}

/** Open a microphone or camera: the named one, or any where that one is not here today. */
export async function capture(
  devices: Devices | undefined,
  kind: MediaKind,
  deviceId: string,
): Promise<MediaStreamTrack> {
  if (!devices) throw new DOMException('no devices', 'NotFoundError')
  let stream: MediaStream
  try {
    stream = await devices.getUserMedia({ [kind]: constraintsFor(kind, deviceId) })
  } catch (error) {
    if (!deviceId || !(error instanceof Error) || error.name !== 'OverconstrainedError') throw error
    stream = await devices.getUserMedia({ [kind]: constraintsFor(kind, '') })
  }
  const track = stream.getTracks()[0]
  if (!track) throw new DOMException('no track', 'NotFoundError')
  return track
}

const PERMISSIONS = { audio: 'microphone', video: 'camera' } as const

/** Ask for a permission without asking the person; null where the browser does not tell. */
export async function queryPermission(kind: MediaKind): Promise<PermissionStatus | null> {
  try {
    return (await navigator.permissions?.query({ name: PERMISSIONS[kind] })) ?? null
  } catch {
    return null
  }
}
