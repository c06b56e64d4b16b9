import { afterEach, describe, expect, it, vi } from 'vitest'
import { LocalMedia, toFault, type Devices, type MediaNews } from '@/call/media'

class FakeTrack extends EventTarget {
  readyState: MediaStreamTrackState = 'live'
  enabled = true
  contentHint = ''
  readonly kind: string
  readonly id: string
  readonly label: string

  constructor(kind: string, id = `${kind}-1`) {
    super()
    this.kind = kind
    this.id = id
    this.label = `the ${id}`
  }

  stop = () => {
    this.readyState = 'ended'
  }

  getSettings = () => ({ deviceId: this.id })

  /** As when it is unplugged: the browser stops it and says so. */
  die = () => {
    this.readyState = 'ended'
    this.dispatchEvent(new Event('ended'))
  }
}

const refusal = (name: string) => new DOMException('no', name)

interface Listed {
  kind: MediaDeviceKind
  deviceId: string
  label: string
}

function createDevices(failing: Partial<Record<'audio' | 'video', string>> = {}) {
  const tracks: FakeTrack[] = []
  const plugged: Listed[] = []
  const events = new EventTarget()
  const getUserMedia = vi.fn(async (constraints: MediaStreamConstraints = {}) => {
    const kinds = (['audio', 'video'] as const).filter((kind) => constraints[kind])
    for (const kind of kinds) {
      const fault = failing[kind]
      if (fault) throw refusal(fault)
    }
    const made = kinds.map((kind) => new FakeTrack(kind, idOf(constraints[kind])))
    tracks.push(...made)
    return new MediaStream(made as unknown as MediaStreamTrack[])
  })
  const devices: Devices = {
    getUserMedia,
    enumerateDevices: async () => plugged as MediaDeviceInfo[],
    addEventListener: events.addEventListener.bind(events) as Devices['addEventListener'],
    removeEventListener: events.removeEventListener.bind(events) as Devices['removeEventListener'],
  }
  const plug = async (...list: Listed[]) => {
    plugged.splice(0, plugged.length, ...list)
    events.dispatchEvent(new Event('devicechange'))
    await settle()
  }
  return { devices, getUserMedia, tracks, plug, failing }
}

function idOf(constraint: boolean | MediaTrackConstraints | undefined): string | undefined {
  const wanted = typeof constraint === 'object' ? constraint.deviceId : undefined
  return typeof wanted === 'object' && 'exact' in wanted ? String(wanted.exact) : undefined
}

/** Let all pending promises run out; no time passes. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve()
}

class FakePermission extends EventTarget {
  state: PermissionState = 'granted'

  become(state: PermissionState): void {
    this.state = state
    this.dispatchEvent(new Event('change'))
  }
}

function stubPermissions() {
  const permissions: Record<string, FakePermission> = {
    microphone: new FakePermission(),
    camera: new FakePermission(),
  }
  vi.stubGlobal('navigator', {
    permissions: { query: async ({ name }: { name: string }) => permissions[name] },
  })
  return permissions as Record<'microphone' | 'camera', FakePermission>
}

const MICROPHONE = { kind: 'audioinput', deviceId: 'audio-1', label: 'Built-in' } as const
const HEADSET = { kind: 'audioinput', deviceId: 'headset', label: 'Headset' } as const
const CAMERA = { kind: 'videoinput', deviceId: 'video-1', label: 'Camera' } as const

function attach(devices: Devices | undefined) {
  const media = new LocalMedia(devices)
  const news: MediaNews[] = []
  media.onNews((one) => news.push(one))
  return { media, news, detach: media.attach() }
}

afterEach(() => vi.unstubAllGlobals())

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

  it('says that the camera was unplugged, and takes it up again when it is back', async () => {
    const { devices, tracks, plug } = createDevices()
    const { media, news } = attach(devices)
    await plug(CAMERA)
    await media.turnOn('video')
    tracks[0]!.die()
    await plug()
    expect(media.snapshot().video).toMatchObject({ on: false, track: null, fault: 'unplugged' })
    expect(news).toEqual([{ kind: 'device', media: 'video', what: 'lost', label: 'the video-1' }])
    await plug(CAMERA)
    expect(media.snapshot().video).toMatchObject({ on: true, fault: null, deviceId: 'video-1' })
    expect(news.at(-1)).toMatchObject({ what: 'restored' })
  })

  it('leaves a camera off that was turned off before it came back', async () => {
    const { devices, tracks, plug } = createDevices()
    const { media } = attach(devices)
    await plug(CAMERA)
    await media.turnOn('video')
    tracks[0]!.die()
    await plug()
    media.turnOff('video')
    await plug(CAMERA)
    expect(media.snapshot().video.on).toBe(false)
    expect(tracks).toHaveLength(1)
  })

  it('goes on with another microphone, muted if it was muted', async () => {
    const { devices, tracks, plug } = createDevices()
    const { media, news } = attach(devices)
    await plug(HEADSET, MICROPHONE)
    await media.choose('audio', 'headset')
    await media.turnOn('audio')
    media.turnOff('audio')
    tracks[0]!.die()
    await plug(MICROPHONE)
    expect(media.snapshot().audio).toMatchObject({ on: false, fault: null, deviceId: 'audio-1' })
    expect(tracks.at(-1)).toMatchObject({ enabled: false, readyState: 'live' })
    expect(news.map((one) => one.kind === 'device' && one.what)).toEqual(['lost', 'replaced'])
  })

  it('follows the default microphone of the machine', async () => {
    const standard = (label: string) => ({ kind: 'audioinput', deviceId: 'default', label }) as const
    const { devices, tracks, plug } = createDevices()
    const { media, news } = attach(devices)
    await plug(standard('Default - Built-in'), MICROPHONE)
    await media.choose('audio', 'default')
    await media.turnOn('audio')
    await plug(standard('Default - Headset'), MICROPHONE, HEADSET)
    expect(tracks.map(({ readyState }) => readyState)).toEqual(['ended', 'live'])
    expect(media.snapshot().audio).toMatchObject({ on: true, deviceId: 'default' })
    expect(news).toMatchObject([{ what: 'replaced' }])
  })

  it('switches a device without ever unmuting', async () => {
    const { devices, tracks } = createDevices()
    const { media } = attach(devices)
    await media.turnOn('audio')
    media.turnOff('audio')
    const heard: boolean[] = []
    media.subscribe(() => heard.push(media.snapshot().audio.track?.enabled ?? false))
    await media.choose('audio', 'headset')
    expect(heard).not.toContain(true)
    expect(media.snapshot().audio).toMatchObject({ on: false, deviceId: 'headset' })
    await media.toggle('audio')
    expect(tracks.map(({ readyState, enabled }) => [readyState, enabled])).toEqual([
      ['ended', false],
      ['live', true],
    ])
  })

  it('stays with the old device when the other one cannot be had', async () => {
    const { devices, getUserMedia, tracks } = createDevices()
    const { media } = attach(devices)
    await media.turnOn('video')
    getUserMedia.mockRejectedValueOnce(refusal('NotReadableError'))
    await media.choose('video', 'other')
    expect(media.snapshot().video).toMatchObject({ on: true, deviceId: 'video-1', fault: 'busy' })
    expect(tracks.at(-1)!.readyState).toBe('live')
  })

  it('lets go of a camera whose permission is withdrawn, and says so', async () => {
    const { camera } = stubPermissions()
    const { devices, tracks } = createDevices()
    const { media, news } = attach(devices)
    await settle()
    await media.start({ audio: true, video: true })
    camera.become('denied')
    expect(media.snapshot()).toMatchObject({
      audio: { on: true, fault: null },
      video: { on: false, track: null, fault: 'revoked' },
    })
    expect(tracks[1]!.readyState).toBe('ended')
    expect(news).toMatchObject([{ media: 'video', what: 'revoked' }])
    camera.become('granted')
    expect(media.snapshot().video.fault).toBeNull()
  })

  it('takes up after sleep what had ended, and nothing that was off', async () => {
    const { devices, tracks, plug } = createDevices()
    const { media, news } = attach(devices)
    await plug(MICROPHONE)
    await media.start({ audio: true, video: true })
    media.turnOff('video')
    tracks[0]!.readyState = 'ended'
    await media.recover()
    expect(media.snapshot()).toMatchObject({ audio: { on: true, fault: null }, video: { on: false } })
    expect(tracks.filter(({ readyState }) => readyState === 'live')).toHaveLength(1)
    expect(news).toMatchObject([{ media: 'audio', what: 'restored' }])
  })

  it('does not turn on what was muted while the browser asked', async () => {
    const { devices, tracks } = createDevices()
    const { media } = attach(devices)
    const starting = [media.turnOn('audio'), media.turnOn('video')]
    media.turnOff('audio')
    media.turnOff('video')
    await Promise.all(starting)
    expect(media.snapshot()).toMatchObject({ audio: { on: false }, video: { on: false, track: null } })
    expect(tracks.map(({ kind, enabled, readyState }) => [kind, enabled, readyState])).toEqual([
      ['audio', false, 'live'],
      ['video', false, 'ended'],
    ])
  })

  it('keeps the old microphone when the new default cannot be had, and nothing lives on after leaving', async () => {
    const standard = (label: string) => ({ kind: 'audioinput', deviceId: 'default', label }) as const
    const { devices, getUserMedia, tracks, plug } = createDevices()
    const { media } = attach(devices)
    await plug(standard('Default - Built-in'), MICROPHONE)
    await media.choose('audio', 'default')
    await media.turnOn('audio')
    getUserMedia.mockRejectedValueOnce(refusal('NotReadableError'))
    await plug(standard('Default - Headset'), MICROPHONE, HEADSET)
    expect(media.snapshot().audio).toMatchObject({
      on: true,
      pending: false,
      fault: 'busy',
      track: tracks[0],
    })
    await media.toggle('audio')
    expect(tracks[0]!.enabled).toBe(false)
    media.stop()
    expect(tracks.map(({ readyState }) => readyState)).toEqual(['ended'])
  })

  it('opens no old device when one leaves while the new one is refused', async () => {
    const { devices, getUserMedia, tracks } = createDevices()
    const { media } = attach(devices)
    await media.turnOn('audio')
    getUserMedia.mockImplementationOnce(async () => {
      media.stop()
      throw refusal('NotReadableError')
    })
    await media.choose('audio', 'other')
    expect(tracks.map(({ readyState }) => readyState)).toEqual(['ended'])
    expect(media.snapshot().audio).toMatchObject({ on: false, track: null, pending: false })
  })

  it('mutes while the microphone is being switched, and while the old one is gone back to', async () => {
    const { devices, getUserMedia, tracks } = createDevices()
    const { media } = attach(devices)
    await media.turnOn('audio')
    const switching = media.choose('audio', 'headset')
    await media.toggle('audio')
    expect(media.snapshot().audio).toMatchObject({ on: false, pending: false })
    await switching
    expect(tracks.at(-1)).toMatchObject({ id: 'headset', enabled: false, readyState: 'live' })
    expect(media.snapshot().audio.on).toBe(false)

    await media.toggle('audio')
    getUserMedia.mockRejectedValueOnce(refusal('NotReadableError'))
    const failing = media.choose('audio', 'other')
    await media.toggle('audio')
    await failing
    expect(tracks.at(-1)).toMatchObject({ id: 'headset', enabled: false, readyState: 'live' })
    expect(media.snapshot().audio.on).toBe(false)
  })

  it('mutes while it follows the default microphone', async () => {
    const standard = (label: string) => ({ kind: 'audioinput', deviceId: 'default', label }) as const
    const { devices, getUserMedia, tracks, plug } = createDevices()
    const { media } = attach(devices)
    await plug(standard('Default - Built-in'), MICROPHONE)
    await media.choose('audio', 'default')
    await media.turnOn('audio')
    let arrive = (): void => undefined
    const track = new FakeTrack('audio')
    tracks.push(track)
    getUserMedia.mockReturnValueOnce(
      new Promise((resolve) => {
        arrive = () => resolve(new MediaStream([track as unknown as MediaStreamTrack]))
      }),
    )
    await plug(standard('Default - Headset'), MICROPHONE, HEADSET)
    await media.toggle('audio')
    expect(tracks[0]!.enabled).toBe(false)
    arrive()
    await settle()
    expect(track).toMatchObject({ enabled: false, readyState: 'live' })
    expect(media.snapshot().audio).toMatchObject({ on: false, track })
  })

  it('leaves off what was turned off while both were asked for', async () => {
    const { devices, tracks } = createDevices()
    const { media } = attach(devices)
    const starting = media.start({ audio: true, video: true })
    await media.toggle('video')
    await media.toggle('audio')
    await starting
    expect(media.snapshot()).toMatchObject({ audio: { on: false }, video: { on: false, track: null } })
    expect(tracks.map(({ enabled, readyState }) => [enabled, readyState])).toEqual([
      [false, 'live'],
      [false, 'ended'],
    ])
  })

  it('is on when the last wish was to be on, however many questions were open', async () => {
    const { devices, tracks } = createDevices()
    const { media } = attach(devices)
    const first = media.turnOn('audio')
    media.turnOff('audio')
    const second = media.turnOn('audio')
    await Promise.all([first, second])
    expect(media.snapshot().audio).toMatchObject({ on: true, pending: false, track: tracks[1] })
    expect(tracks.map(({ enabled, readyState }) => [enabled, readyState])).toEqual([
      [true, 'ended'],
      [true, 'live'],
    ])
  })

  it('starts once: who comes back to the door finds the camera as it was', async () => {
    const { devices } = createDevices()
    const { media } = attach(devices)
    await media.startOnce({ audio: true, video: true })
    media.turnOff('video')
    await media.startOnce({ audio: true, video: true })
    expect(media.snapshot()).toMatchObject({ audio: { on: true }, video: { on: false } })
    media.stop()
    await media.startOnce({ audio: true, video: true })
    expect(media.snapshot().video.on).toBe(true)
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

describe('the shared screen', () => {
  function createScreen(...kinds: string[]) {
    const tracks = kinds.map((kind) => new FakeTrack(kind))
    const getDisplayMedia = vi.fn(async () => new MediaStream(tracks as unknown as MediaStreamTrack[]))
    const { devices } = createDevices()
    return { devices: { ...devices, getDisplayMedia }, getDisplayMedia, tracks }
  }

  it('has a picture, and sound where it was offered', async () => {
    const { devices, tracks } = createScreen('video', 'audio')
    const { media } = attach(devices)
    await media.startScreen()
    expect(media.snapshot().screen).toMatchObject({ on: true, pending: false, track: tracks[0] })
    expect(media.snapshot().screen.audioTrack).toBe(tracks[1])
    expect(tracks[0]!.contentHint).toBe('detail')
    media.stopScreen()
    expect(tracks.map(({ readyState }) => readyState)).toEqual(['ended', 'ended'])
    expect(media.snapshot().screen).toMatchObject({ on: false, track: null, audioTrack: null })
  })

  it('ends with the browser’s own button', async () => {
    const { devices, tracks } = createScreen('video', 'audio')
    const { media, news } = attach(devices)
    await media.startScreen()
    tracks[0]!.die()
    expect(media.snapshot().screen.on).toBe(false)
    expect(tracks[1]!.readyState).toBe('ended')
    expect(news).toEqual([{ kind: 'screenEnded' }])
  })

  it('takes a closed question for no, not for a fault', async () => {
    const { devices, getDisplayMedia } = createScreen('video')
    const { media } = attach(devices)
    getDisplayMedia.mockRejectedValueOnce(new DOMException('Permission denied', 'NotAllowedError'))
    await media.startScreen()
    expect(media.snapshot().screen).toMatchObject({ on: false, pending: false, fault: null })
    getDisplayMedia.mockRejectedValueOnce(new DOMException('Permission denied by system', 'NotAllowedError'))
    await media.startScreen()
    expect(media.snapshot().screen.fault).toBe('denied')
  })

  it('shares nothing that was chosen after it was stopped', async () => {
    const { devices, tracks } = createScreen('video')
    const { media } = attach(devices)
    const choosing = media.startScreen()
    media.stop()
    await choosing
    expect(tracks[0]!.readyState).toBe('ended')
    expect(media.snapshot().screen.on).toBe(false)
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
