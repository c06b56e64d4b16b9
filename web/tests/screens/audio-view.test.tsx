import { render } from '@testing-library/react'
import { expect, it } from 'vitest'
import { AudioView } from '@/features/call/audio-view'

it('plays on the chosen speaker, and moves there when another is chosen during the call', () => {
  const sinks: string[] = []
  const prototype = HTMLMediaElement.prototype as HTMLMediaElement & {
    setSinkId?: (id: string) => Promise<void>
  }
  prototype.setSinkId = async (id) => void sinks.push(id)
  try {
    const view = render(<AudioView stream={null} speakerId="headset" onBlocked={() => undefined} />)
    view.rerender(<AudioView stream={null} speakerId="headset" onBlocked={() => undefined} />)
    view.rerender(<AudioView stream={null} speakerId="room" onBlocked={() => undefined} />)
    expect(sinks).toEqual(['headset', 'room'])
  } finally {
    Reflect.deleteProperty(prototype, 'setSinkId')
  }
})
