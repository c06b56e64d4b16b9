import { describe, expect, it } from 'vitest'
import { LocalMedia, type Devices, type MediaFault, type MediaSnapshot } from '@/call/media'
import { troublesOf } from '@/call/troubles'

const NOTHING = new LocalMedia(undefined).snapshot()

function snapshot(
  media: 'audio' | 'screen',
  change: { fault?: MediaFault; pending?: boolean },
): MediaSnapshot {
  return { ...NOTHING, [media]: { ...NOTHING[media], ...change } }
}

describe('troublesOf', () => {
  it.each<[MediaFault, string | undefined]>([
    ['denied', 'permission'],
    ['revoked', 'permission'],
    ['noDevice', 'not_found'],
    ['busy', 'in_use'],
    ['insecure', 'other'],
    ['unknown', 'other'],
    ['unplugged', undefined],
  ])('says of %s that it is %s', (fault, trouble) => {
    expect(troublesOf(snapshot('audio', { fault }), {})).toEqual(trouble ? { audio: trouble } : {})
    expect(troublesOf(snapshot('screen', { fault }), {})).toEqual(trouble ? { screen: trouble } : {})
  })

  it('knows nothing new while a device is being opened', () => {
    const opening = snapshot('audio', { pending: true })
    expect(troublesOf(opening, { audio: 'in_use' })).toEqual({ audio: 'in_use' })
    expect(troublesOf(opening, {})).toEqual({})
    expect(troublesOf(NOTHING, { audio: 'in_use' })).toEqual({})
  })

  it('takes a question for the screen that was closed for none', async () => {
    const devices = (message: string): Devices => ({
      getUserMedia: () => Promise.reject(new DOMException('no', 'NotAllowedError')),
      getDisplayMedia: () => Promise.reject(new DOMException(message, 'NotAllowedError')),
      enumerateDevices: async () => [],
      addEventListener: () => undefined,
      removeEventListener: () => undefined,
    })
    const dismissed = new LocalMedia(devices('Permission denied'))
    await dismissed.startScreen()
    expect(troublesOf(dismissed.snapshot(), {})).toEqual({})
    const refused = new LocalMedia(devices('Permission denied by system'))
    await refused.startScreen()
    await refused.turnOn('audio')
    expect(troublesOf(refused.snapshot(), {})).toEqual({ audio: 'permission', screen: 'permission' })
  })
})
