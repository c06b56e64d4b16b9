import { describe, expect, it, vi } from 'vitest'
import { LocalMedia, toFault, type Devices } from '@/call/media'

class FakeTrack extends EventTarget {
  readyState: MediaStreamTrackState = 'live'
  enabled = true
  readonly kind: string

  constructor(kind: string) {
    super()
    this.kind = kind
  }

  stop = () => {
    this.readyState = 'ended'
  }

  getSettings = () => ({ deviceId: `${this.kind}-1` })
}

const refusal = (name: string) => new DOMException('no', name)

function createDevices(failing: Partial<Record<'audio' | 'video', string>> = {}) {
  const tracks: FakeTrack[] = []
  const getUserMedia = vi.fn(async (constraints: MediaStreamConstraints = {}) => {
    const kinds = (['audio', 'video'] as const).filter((kind) => constraints[kind])
    for (const kind of kinds) {
      const fault = failing[kind]
      if (fault) throw refusal(fault)
    }
    const made = kinds.map((kind) => new FakeTrack(kind))
    tracks.push(...made)
    return new MediaStream(made as unknown as MediaStreamTrack[])
  })
  const devices: Devices = {
    getUserMedia,
    enumerateDevices: async () => [],
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }
  return { devices, getUserMedia, tracks }
}

function attach(devices: Devices | undefined) {
  const media = new LocalMedia(devices)
  return { media, detach: media.attach() }
}

describe('LocalMedia', () => {
  it('asks for both at once', async () => {
    const { devices, getUserMedia } = createDevices()
    const { media } = attach(devices)
    await media.start({ audio: true, video: true })
    expect(getUserMedia).toHaveBeenCalledTimes(1)
    expect(media.snapshot()).toMatchObject({ audio: { on: true }, video: { on: true, deviceId: 'video-1' } })
  })

  it('gets the microphone although there is no camera', async () => {
    const { devices } = createDevices({ video: 'NotFoundError' })
    const { media } = attach(devices)
    await media.start({ audio: true, video: true })
    expect(media.snapshot()).toMatchObject({
      audio: { on: true, fault: null },
      video: { on: false, fault: 'noDevice', pending: false },
    })
  })

  it('asks once when both were refused', async () => {
    const { devices, getUserMedia } = createDevices({ audio: 'NotAllowedError', video: 'NotAllowedError' })
    vi.stubGlobal('navigator', { permissions: { query: async () => ({ state: 'denied' }) } })
    const { media } = attach(devices)
    await media.start({ audio: true, video: true })
    vi.unstubAllGlobals()
    expect(getUserMedia).toHaveBeenCalledTimes(1)
    expect(media.snapshot()).toMatchObject({ audio: { fault: 'denied' }, video: { fault: 'denied' } })
  })

  it('lets the camera go when it is turned off, and only mutes the microphone', async () => {
    const { devices, tracks } = createDevices()
    const { media } = attach(devices)
    await media.start({ audio: true, video: true })
    const [audio, video] = tracks
    await media.toggle('audio')
    await media.toggle('video')
    expect([audio!.readyState, audio!.enabled]).toEqual(['live', false])
    expect(video!.readyState).toBe('ended')
    expect(media.snapshot().video.track).toBeNull()
    await media.toggle('audio')
    expect(audio!.enabled).toBe(true)
    expect(tracks).toHaveLength(2)
  })

  it('notices a device that is unplugged', async () => {
    const { devices, tracks } = createDevices()
    const { media } = attach(devices)
    await media.turnOn('audio')
    tracks[0]!.dispatchEvent(new Event('ended'))
    expect(media.snapshot().audio).toMatchObject({ on: false, track: null, fault: 'unplugged' })
  })

  it('lets go of a device that comes after all is stopped', async () => {
    const { devices, tracks } = createDevices()
    const { media, detach } = attach(devices)
    const starting = media.start({ audio: true, video: true })
    detach()
    await starting
    expect(tracks.map(({ readyState }) => readyState)).toEqual(['ended', 'ended'])
    expect(media.snapshot().video).toMatchObject({ on: false, track: null })
  })

  it('says that an insecure page has no devices', async () => {
    const { media } = attach(undefined)
    await media.start({ audio: true, video: true })
    expect(media.snapshot()).toMatchObject({ audio: { fault: 'insecure' }, video: { fault: 'insecure' } })
  })
})

it.each([
  ['NotAllowedError', 'denied'],
  ['NotFoundError', 'noDevice'],
  ['NotReadableError', 'busy'],
  ['TypeError', 'unknown'],
])('names %s %s', (name, fault) => {
  expect(toFault(refusal(name))).toBe(fault)
})
