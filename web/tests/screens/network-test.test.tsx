import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { NetworkTestButton } from '@/features/network-test/network-test-button'
import { expectAccessible, room, show } from './render'

const LIST = 'GET /ice-servers?room=stand-up'

/** A socket that opens, or does not. */
function stubSocket(opens: boolean) {
  const urls: string[] = []
  class FakeSocket {
    onopen: (() => void) | null = null
    onclose: (() => void) | null = null
    constructor(url: URL) {
      urls.push(url.href)
      queueMicrotask(() => (opens ? this.onopen?.() : this.onclose?.()))
    }
    close() {
      this.onclose?.()
    }
  }
  vi.stubGlobal('WebSocket', FakeSocket)
  return urls
}

const open = async () => {
  await userEvent.click(screen.getByRole('button', { name: 'Test your connection' }))
  return screen.findByRole('dialog', { name: 'Test your connection' })
}

describe('the network test', () => {
  beforeEach(() => vi.unstubAllGlobals())
  afterEach(() => vi.unstubAllGlobals())

  it('shows each step and what it means, and can be run again', async () => {
    const urls = stubSocket(true)
    const { asked } = show(<NetworkTestButton room={room} />, { [LIST]: { iceServers: [], ttlMs: 0 } })
    const dialog = await open()
    await within(dialog).findByText('Your connection looks ready for calls')
    const steps = within(dialog).getAllByRole('listitem')
    expect(steps.map(({ textContent }) => textContent)).toEqual([
      expect.stringMatching(/^Connection to Chatter.*Works, \d+ ms$/),
      expect.stringMatching(/^List of helpers for calls.*Works, \d+ ms$/),
    ])
    await expectAccessible()
    expect(urls).toEqual(['ws://localhost:8081/ws/stand-up?v=2'])
    await userEvent.click(within(dialog).getByRole('button', { name: 'Test again' }))
    await waitFor(() => expect(asked.filter(({ call }) => call === LIST)).toHaveLength(2))
    await within(dialog).findByText('Your connection looks ready for calls')
  })

  it('says what to do when the socket is blocked', async () => {
    stubSocket(false)
    show(<NetworkTestButton room={room} />, { [LIST]: { iceServers: [], ttlMs: 0 } })
    const dialog = await open()
    expect(await within(dialog).findByText('Your browser cannot stay connected to Chatter')).toBeTruthy()
    expect(within(dialog).getByRole('status').textContent).toContain('VPN')
    await userEvent.keyboard('{Escape}')
    await waitFor(() =>
      expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Test your connection' })),
    )
  })

  it('says when the server does not tell how to connect', async () => {
    stubSocket(true)
    show(<NetworkTestButton room={room} />, { [LIST]: { status: 503, code: 'unavailable' } })
    expect(await within(await open()).findByText('Chatter did not tell how to connect calls')).toBeTruthy()
  })
})
