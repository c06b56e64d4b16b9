import { screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { describe, expect, it, vi } from 'vitest'
import type { Recording } from '@/api/types'
import type { Member } from '@/call/types'
import { RecordingBanner } from '@/features/recordings/recording-banner'
import { RecordingsDialog } from '@/features/recordings/recordings-dialog'
import { describeRecording, formatSize, recordedBy } from '@/features/recordings/words'
import { expectAccessible, room, show } from './render'

const ready: Recording = {
  recordingId: 'r-1',
  roomId: 'stand-up',
  status: 'ready',
  startedAt: '2026-01-02T10:00:00Z',
  stoppedAt: '2026-01-02T10:05:00Z',
  bytes: 12_000_000,
  durationMs: 300_000,
  progress: 1,
  error: '',
}

const member = (change: Partial<Member>): Member => ({
  id: 'm',
  displayName: 'Ann',
  role: 'member',
  kind: 'person',
  media: { audio: true, video: true, screen: false },
  mediaKnown: true,
  link: 'connected',
  signal: 'ok',
  handRaisedAt: null,
  announced: true,
  ...change,
})
const recorder = member({ id: 'r', kind: 'recorder', displayName: 'Recorder of alice' })

describe('words', () => {
  it('knows who has the call recorded', () => {
    expect(recordedBy([member({})])).toBeNull()
    expect(recordedBy([member({}), recorder])).toBe('alice')
    expect(recordedBy([member({ kind: 'recorder', displayName: 'Cassette' })])).toBe('Cassette')
    // A person cannot pass for a recorder by name.
    expect(recordedBy([member({ displayName: 'Recorder of alice' })])).toBeNull()
  })

  it('says where a recording stands', () => {
    expect(describeRecording({ ...ready, status: 'processing', progress: 0.426 })).toContain('43 %')
    expect(describeRecording({ ...ready, error: 'disk_full' })).toMatch(/Ended early.*disk/)
    expect(describeRecording({ ...ready, status: 'failed', error: 'nothing_recorded' })).toMatch(
      /Nobody sent/,
    )
    expect(describeRecording({ ...ready, status: 'failed', error: 'from_the_future' })).toMatch(
      /Something went wrong/,
    )
  })

  it('writes sizes', () => {
    expect(formatSize(1_230_000)).toBe('1.2 MB')
    expect(formatSize(12_300_000)).toBe('12 MB')
    expect(formatSize(3_400_000_000)).toBe('3.4 GB')
  })
})

describe('banner', () => {
  it('tells everyone, and lets those stop it who may', async () => {
    const stop = vi.fn()
    const { rerender } = show(<RecordingBanner members={[member({}), recorder]} />)
    const status = screen.getAllByRole('status').find(({ textContent }) => textContent.includes('recorded'))
    expect(status?.textContent).toMatch(/recorded by alice.*voice, camera and shared screen are stored/)
    expect(screen.queryByRole('button', { name: 'Stop recording' })).toBeNull()
    await expectAccessible()
    rerender(<RecordingBanner members={[recorder]} onStop={stop} />)
    await userEvent.click(screen.getByRole('button', { name: 'Stop recording' }))
    expect(stop).toHaveBeenCalledOnce()
    rerender(<RecordingBanner members={[member({})]} onStop={stop} />)
    expect(screen.queryByText(/recorded by/)).toBeNull()
  })
})

describe('list', () => {
  const link = '/api/rooms/stand-up/recordings/r-1/film/signed'
  const answers = (recordings: Recording[]) => ({
    'GET /rooms/stand-up/recordings': { recordings },
    'POST /rooms/stand-up/recordings/r-1/link': { url: link, expiresIn: 3600 },
    'DELETE /rooms/stand-up/recordings/r-1': null,
  })

  it('plays what is ready', async () => {
    show(<RecordingsDialog room={room} onClose={() => undefined} />, answers([ready]), true)
    const item = await screen.findByRole('listitem')
    expect(item.textContent).toContain('5:00 · 12 MB')
    await expectAccessible()
    await userEvent.click(within(item).getByRole('button', { name: /^Play/ }))
    await expect.poll(() => item.querySelector('video')?.getAttribute('src')).toBe(link)
  })

  it('downloads by a link', async () => {
    const click = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined)
    show(<RecordingsDialog room={room} onClose={() => undefined} />, answers([ready]), true)
    await userEvent.click(await screen.findByRole('button', { name: /^Download/ }))
    await expect
      .poll(() => (click.mock.contexts[0] as HTMLAnchorElement | undefined)?.href)
      .toContain(`${link}?download`)
    click.mockRestore()
  })

  it('deletes once that is confirmed', async () => {
    const { asked } = show(<RecordingsDialog room={room} onClose={() => undefined} />, answers([ready]), true)
    await userEvent.click(await screen.findByRole('button', { name: /^Delete/ }))
    await userEvent.click(screen.getByRole('button', { name: 'Keep it' }))
    expect(asked.map(({ call }) => call)).not.toContain('DELETE /rooms/stand-up/recordings/r-1')
    await userEvent.click(screen.getByRole('button', { name: /^Delete/ }))
    await userEvent.click(screen.getByRole('button', { name: 'Delete recording' }))
    expect(await screen.findByText(/No recordings yet/)).toBeTruthy()
  })

  it('follows one that is not ready, without offering it', async () => {
    const served = [{ ...ready, status: 'processing', progress: 0.5 } as Recording]
    const canned = answers(served)
    show(<RecordingsDialog room={room} onClose={() => undefined} />, canned, true)
    expect(await screen.findByText('Being put together, 50 %')).toBeTruthy()
    expect(screen.queryByRole('button', { name: /^(Play|Download|Delete)/ })).toBeNull()
    served[0] = ready
    expect(await screen.findByRole('button', { name: /^Play/ }, { timeout: 5_000 })).toBeTruthy()
  })

  it('says what went wrong', async () => {
    const refused = { 'GET /rooms/stand-up/recordings': { status: 503, code: 'unavailable' } }
    show(<RecordingsDialog room={room} onClose={() => undefined} />, refused, true)
    expect((await screen.findByRole('alert')).textContent).toContain('unavailable')
    expect(screen.getByRole('button', { name: 'Try again' })).toBeTruthy()
  })
})
