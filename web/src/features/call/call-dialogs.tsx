import { Volume2 } from 'lucide-react'
import { DevicePickers } from '@/features/prejoin/device-pickers'
import { useMediaSnapshot } from '@/features/prejoin/use-local-media'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Kbd } from '@/ui/kbd'
import { Switch } from '@/ui/switch'
import { useCallServices } from './call-context'
import { testSpeaker } from './device-menu'
import { ReactionRow } from './reaction-picker'
import type { Emoji } from './reactions'
import { SHORTCUTS, type ShortcutName } from './shortcuts'
import type { useCallKeys } from './use-call-keys'
import type { CallDialog, usePanels } from './use-panels'

interface CallDialogsProps {
  panels: ReturnType<typeof usePanels>
  keys: ReturnType<typeof useCallKeys>
  /** The bar has room for the reactions. */
  roomy: boolean
  onReact: (emoji: Emoji) => void
}

export function CallDialogs({ panels, keys, roomy, onReact }: CallDialogsProps) {
  const dialog = (name: CallDialog) => ({
    open: panels.dialog === name,
    onOpenChange: (open: boolean) => !open && panels.setDialog(null),
  })
  return (
    <>
      <DevicesDialog {...dialog('devices')} />
      <ReactionsDialog
        open={panels.reactions && !roomy}
        onOpenChange={panels.setReactions}
        onReact={onReact}
      />
      <ShortcutsDialog {...dialog('shortcuts')} enabled={keys.enabled} onEnabled={keys.setEnabled} />
    </>
  )
}

interface OpenProps {
  open: boolean
  onOpenChange: (open: boolean) => void
}

function DevicesDialog(props: OpenProps) {
  const { media } = useCallServices()
  const { speakerId } = useMediaSnapshot(media)
  return (
    <Dialog {...props} title="Camera and sound" description="Changes take effect at once.">
      <DevicePickers media={media} />
      <Button className="self-start" onClick={() => testSpeaker(speakerId)}>
        <Volume2 aria-hidden /> Play a test sound
      </Button>
    </Dialog>
  )
}

/** Where the bar has no room for the button. */
function ReactionsDialog({ onReact, ...props }: OpenProps & { onReact: (emoji: Emoji) => void }) {
  return (
    <Dialog {...props} title="React" className="items-stretch">
      <div className="grid justify-center">
        <ReactionRow
          onReact={(emoji) => {
            onReact(emoji)
            props.onOpenChange(false)
          }}
        />
      </div>
    </Dialog>
  )
}

interface ShortcutsDialogProps extends OpenProps {
  enabled: boolean
  onEnabled: (enabled: boolean) => void
}

function ShortcutsDialog({ enabled, onEnabled, ...props }: ShortcutsDialogProps) {
  return (
    <Dialog {...props} title="Keyboard shortcuts">
      <dl className="flex flex-col">
        {(Object.keys(SHORTCUTS) as ShortcutName[]).map((name) => (
          <div
            key={name}
            className="flex items-center justify-between border-b border-border py-2 last:border-b-0"
          >
            <dt className="order-2">
              <Kbd>{SHORTCUTS[name].shown}</Kbd>
            </dt>
            <dd>{SHORTCUTS[name].what}</dd>
          </div>
        ))}
      </dl>
      <div className="flex items-center justify-between gap-4 rounded-md bg-surface-2 px-4 py-3 text-sm">
        <label htmlFor="single-keys">Use single keys and the space bar in calls</label>
        <Switch id="single-keys" checked={enabled} onCheckedChange={onEnabled} />
      </div>
    </Dialog>
  )
}
