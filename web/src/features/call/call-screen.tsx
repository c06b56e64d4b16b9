import { useCallback, useEffect, useMemo, useState } from 'react'
import type { Room } from '@/api/types'
import type { Call } from '@/call/controller'
import { Loudness } from '@/call/loudness'
import type { LocalMedia } from '@/call/media'
import { ChatPanel } from '@/features/chat/chat-panel'
import { toggleMedia } from '@/features/prejoin/media-buttons'
import { useMediaSnapshot } from '@/features/prejoin/use-local-media'
import { copyRoomLink } from '@/features/rooms/copy-link'
import { recall, remember } from '@/lib/storage'
import { Sheet } from '@/ui/sheet'
import { DeviceBar, ReconnectingBar, SoundBar } from './call-bars'
import { CallContext, useCallState } from './call-context'
import { DevicesDialog, ShortcutsDialog } from './call-dialogs'
import { ControlBar, type Panel } from './control-bar'
import { PeoplePanel } from './people-panel'
import { Stage, type Layout } from './stage'
import { TopBar } from './top-bar'
import { useCallEvents } from './use-call-events'
import { useIdle } from './use-idle'
import { useShortcuts } from './use-shortcuts'

const QUIET_AFTER_MS = 4_000

interface CallScreenProps {
  call: Call
  media: LocalMedia
  room: Room
}

/** The call: the people, and controls that step back. */
export function CallScreen({ call, media, room }: CallScreenProps) {
  const { members } = useCallState(call)
  const { audio, video } = useMediaSnapshot(media)
  const [panel, setPanel] = useState<Panel | null>(null)
  const [dialog, setDialog] = useState<'devices' | 'shortcuts' | null>(null)
  const [layout, setLayout] = useState<Layout>(() => (recall('layout') === 'speaker' ? 'speaker' : 'grid'))
  const [soundBlocked, setSoundBlocked] = useState(false)
  // Refused devices were explained before joining; only what breaks later is said here.
  const [hiddenFaults, setHiddenFaults] = useState(`${audio.fault}/${video.fault}`)
  const quiet = useIdle(QUIET_AFTER_MS, members.length > 0 && panel === null && dialog === null)

  const loudness = useMemo(() => new Loudness(() => call.levels()), [call])
  useEffect(() => loudness.start(), [loudness])
  const services = useMemo(() => ({ call, media, loudness, room }), [call, media, loudness, room])

  const togglePanel = useCallback((next: Panel) => setPanel((open) => (open === next ? null : next)), [])
  const openChat = useCallback(() => setPanel('chat'), [])
  useCallEvents(call, openChat)
  useShortcuts({
    m: () => toggleMedia(media, 'audio'),
    v: () => toggleMedia(media, 'video'),
    c: () => togglePanel('chat'),
    p: () => togglePanel('people'),
    l: () => void copyRoomLink(room.roomId),
    '?': () => setDialog('shortcuts'),
    escape: () => setPanel(null),
  })

  const playSound = () => {
    for (const element of document.querySelectorAll<HTMLVideoElement>('video[data-peer]')) {
      void element.play().catch(() => undefined)
    }
    setSoundBlocked(false)
  }
  const faults = `${audio.fault}/${video.fault}`

  return (
    <CallContext value={services}>
      <div className="fixed inset-0 flex h-dvh flex-col bg-stage pt-[env(safe-area-inset-top)]">
        <TopBar
          layout={layout}
          quiet={quiet}
          onLayout={(next) => {
            setLayout(next)
            remember('layout', next)
          }}
        />
        <ReconnectingBar />
        {soundBlocked && <SoundBar onPlay={playSound} />}
        {faults !== hiddenFaults && (
          <DeviceBar onDevices={() => setDialog('devices')} onDismiss={() => setHiddenFaults(faults)} />
        )}
        <div className="flex min-h-0 flex-1 gap-3 px-3">
          <main id="main" tabIndex={-1} className="flex min-w-0 flex-1 outline-none">
            <Stage layout={layout} onBlocked={() => setSoundBlocked(true)} />
          </main>
          <Sheet open={panel === 'chat'} onClose={() => setPanel(null)} title="Chat">
            <ChatPanel />
          </Sheet>
          <Sheet
            open={panel === 'people'}
            onClose={() => setPanel(null)}
            title={`People (${members.length + 1})`}
          >
            <PeoplePanel />
          </Sheet>
        </div>
        <ControlBar
          panel={panel}
          quiet={quiet}
          onPanel={togglePanel}
          onDevices={() => setDialog('devices')}
          onShortcuts={() => setDialog('shortcuts')}
          onLeave={() => call.dispatch({ type: 'leave' })}
        />
        <DevicesDialog open={dialog === 'devices'} onOpenChange={(open) => !open && setDialog(null)} />
        <ShortcutsDialog open={dialog === 'shortcuts'} onOpenChange={(open) => !open && setDialog(null)} />
      </div>
    </CallContext>
  )
}
