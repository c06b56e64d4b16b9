import { lazy, useEffect, useMemo, useState } from 'react'
import type { Room } from '@/api/types'
import type { Call } from '@/call/controller'
import { Loudness } from '@/call/loudness'
import type { LocalMedia } from '@/call/media'
import { ChatPanel } from '@/features/chat/chat-panel'
import { useMediaSnapshot } from '@/features/prejoin/use-local-media'
import { createStore } from '@/lib/store'
import { useMediaQuery } from '@/lib/use-media-query'
import { Later } from '@/ui/later'
import { Sheet } from '@/ui/sheet'
import { ReactionAnnouncer } from './announcer'
import { playHeldSound } from './audio-view'
import { DeviceBar, ReconnectingBar, SoundBar } from './call-bars'
import { CallContext, useCallState } from './call-context'
import { ControlBar } from './control-bar'
import { screenKey, SELF } from './layout'
import { shownMembers } from './members'
import { PeoplePanel } from './people-panel'
import { useReact } from './reaction-picker'
import { SharingBar } from './share'
import { CallBanners } from './slots'
import { Stage } from './stage'
import { TopBar } from './top-bar'
import { useCallEvents } from './use-call-events'
import { useCallKeys } from './use-call-keys'
import { useCallTitle } from './use-call-title'
import { useIdle } from './use-idle'
import { useLayout } from './use-layout'
import { usePanels } from './use-panels'
import { QualityContext, useQualityWatch } from './use-quality'

/** Nobody needs them to come in. They stand in the page closed, so they are fetched as soon as it does. */
const CallDialogs = lazy(() =>
  import('./call-dialogs').then(({ CallDialogs: dialogs }) => ({ default: dialogs })),
)

const QUIET_AFTER_MS = 4_000

interface CallScreenProps {
  call: Call
  media: LocalMedia
  room: Room
}

/** The call: the people, and controls that step back. */
export function CallScreen({ call, media, room }: CallScreenProps) {
  const state = useCallState(call)
  const members = shownMembers(state.members)
  const panels = usePanels()
  const sound = useHeldSound()
  const faults = useNewFaults(media)
  const roomy = useMediaQuery('(min-width: 768px)')
  const quiet = useIdle(QUIET_AFTER_MS, members.length > 0 && !panels.isOpen)
  const screens = members.filter((member) => member.media.screen).map(({ id }) => screenKey(id))
  const choice = useLayout([SELF, ...members.map(({ id }) => id), ...screens], screens.length)

  const loudness = useMemo(() => new Loudness(() => call.levels()), [call])
  useEffect(() => loudness.start(), [loudness])
  const [draft] = useState(() => createStore(''))
  const services = useMemo(
    () => ({ call, media, loudness, room, draft }),
    [call, media, loudness, room, draft],
  )
  const quality = useQualityWatch(call)
  const react = useReact(call)
  const toggleHand = () => call.dispatch({ type: 'hand', raised: call.state().handRaisedAt === null })
  useCallEvents(call, panels.panel === 'chat', panels.openChat)
  useEntranceFocus()
  useCallTitle(room.name || room.roomId, state)
  const keys = useCallKeys(services, panels, { onHand: toggleHand, onLayout: choice.toggle })

  return (
    <CallContext value={services}>
      <QualityContext value={quality}>
        <div className="fixed inset-0 flex h-dvh flex-col bg-stage pt-[env(safe-area-inset-top)]">
          <TopBar layout={choice.shown} quiet={quiet} onLayout={choice.toggle} />
          <ReconnectingBar />
          <CallBanners />
          <SharingBar />
          {sound.held && <SoundBar onPlay={sound.play} />}
          {faults.isNew && (
            <DeviceBar onDevices={() => panels.setDialog('devices')} onDismiss={faults.hide} />
          )}
          <div className="flex min-h-0 flex-1 gap-3 px-3">
            <main id="main" tabIndex={-1} className="flex min-w-0 flex-1 outline-none">
              <Stage
                layout={choice.layout}
                gridForScreens={choice.gridForScreens}
                pinned={choice.pinned}
                onPin={choice.pin}
                onBlocked={sound.hold}
              />
            </main>
            <Sheet open={panels.panel === 'chat'} onClose={panels.closePanel} title="Chat">
              <ChatPanel />
            </Sheet>
            <Sheet
              open={panels.panel === 'people'}
              onClose={panels.closePanel}
              title={`People (${members.length + 1})`}
            >
              <PeoplePanel pinned={choice.pinned} onPin={choice.pin} />
            </Sheet>
          </div>
          <ControlBar
            panel={panels.panel}
            quiet={quiet}
            talking={keys.talking}
            onPanel={panels.togglePanel}
            reactionsOpen={panels.reactions}
            onReactionsOpen={panels.setReactions}
            onReact={react}
            onHand={toggleHand}
            onLayout={choice.toggle}
            onDevices={() => panels.setDialog('devices')}
            onShortcuts={() => panels.setDialog('shortcuts')}
            onLeave={() => call.dispatch({ type: 'leave' })}
          />
          <ReactionAnnouncer call={call} />
          <Later>
            <CallDialogs panels={panels} keys={keys} roomy={roomy} onReact={react} />
          </Later>
        </div>
      </QualityContext>
    </CallContext>
  )
}

/** The button that was pressed to come in is gone: go on at the stage, not at the top of the page. */
function useEntranceFocus(): void {
  useEffect(() => {
    const { activeElement } = document
    if (activeElement === null || activeElement === document.body)
      document.getElementById('main')?.focus({ preventScroll: true })
  }, [])
}

/** Sound that the browser holds back until someone has clicked. */
function useHeldSound() {
  const [held, setHeld] = useState(false)
  const play = () => {
    playHeldSound()
    setHeld(false)
  }
  return { held, hold: () => setHeld(true), play }
}

/** Refused devices were explained before joining; only what breaks later is said here. */
function useNewFaults(media: LocalMedia) {
  const { audio, video } = useMediaSnapshot(media)
  const faults = `${audio.fault}/${video.fault}`
  const [hidden, setHidden] = useState(faults)
  return { isNew: faults !== hidden, hide: () => setHidden(faults) }
}
