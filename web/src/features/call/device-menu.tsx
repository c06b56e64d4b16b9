import { ChevronUp, Volume2 } from 'lucide-react'
import type { MediaKind, MediaSnapshot } from '@/call/media'
import { rememberDevice } from '@/features/account/preferences'
import { useMediaSnapshot } from '@/features/prejoin/use-local-media'
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuSeparator } from '@/ui/menu'
import { toast } from '@/ui/toast'
import { useCallServices } from './call-context'
import { playTestSound } from './test-sound'

const canChooseSpeaker = typeof HTMLMediaElement !== 'undefined' && 'setSinkId' in HTMLMediaElement.prototype

/** Which device, right at its button. */
export function DeviceMenu({ kind }: { kind: MediaKind }) {
  const { media } = useCallServices()
  const snapshot = useMediaSnapshot(media)
  const audio = kind === 'audio'
  const choose = (id: string) => {
    rememberDevice(audio ? 'microphone' : 'camera', id)
    void media.choose(kind, id)
  }
  return (
    <Menu
      side="top"
      align="start"
      trigger={
        <button
          type="button"
          aria-label={audio ? 'Sound devices' : 'Video devices'}
          title={audio ? 'Sound devices' : 'Video devices'}
          className="-ml-4 grid h-12 w-9 place-items-center rounded-r-full focus-visible:relative focus-visible:z-10 border border-l-0 border-border bg-surface pl-2 text-text transition-colors hover:bg-surface-2"
        >
          <ChevronUp aria-hidden className="size-4" />
        </button>
      }
    >
      <Choices
        label={audio ? 'Microphone' : 'Camera'}
        list={devicesOf(snapshot, audio ? 'audioinput' : 'videoinput')}
        value={snapshot[kind].deviceId}
        onChange={choose}
      />
      {audio && <SpeakerChoices />}
    </Menu>
  )
}

function SpeakerChoices() {
  const { media } = useCallServices()
  const snapshot = useMediaSnapshot(media)
  const speakers = devicesOf(snapshot, 'audiooutput')
  return (
    <>
      {canChooseSpeaker && speakers.length > 0 && (
        <>
          <MenuSeparator />
          <Choices
            label="Speaker"
            list={speakers}
            value={snapshot.speakerId || 'default'}
            onChange={(id) => {
              rememberDevice('speaker', id)
              media.chooseSpeaker(id)
            }}
          />
        </>
      )}
      <MenuSeparator />
      <MenuItem icon={<Volume2 aria-hidden />} onSelect={() => testSpeaker(snapshot.speakerId)}>
        Play a test sound
      </MenuItem>
    </>
  )
}

export function testSpeaker(speakerId: string): void {
  playTestSound(speakerId).catch(() =>
    toast('That speaker could not be used. Choose another one.', { tone: 'error' }),
  )
}

interface ChoicesProps {
  label: string
  list: readonly { value: string; label: string }[]
  value: string
  onChange: (id: string) => void
}

function Choices({ label, list, value, onChange }: ChoicesProps) {
  return (
    <>
      <MenuLabel>{label}</MenuLabel>
      {list.length > 0 ? (
        <MenuChoice value={value} onChange={onChange} options={list} />
      ) : (
        <p className="px-3 py-2 text-sm text-muted">None found</p>
      )}
    </>
  )
}

function devicesOf({ devices }: MediaSnapshot, kind: MediaDeviceKind) {
  return devices
    .filter((device) => device.kind === kind)
    .map(({ id, label }, index) => ({ value: id, label: label || `Number ${index + 1}` }))
}
