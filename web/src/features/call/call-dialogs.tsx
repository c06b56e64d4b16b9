import { DevicePickers } from '@/features/prejoin/device-pickers'
import { Dialog } from '@/ui/dialog'
import { Kbd } from '@/ui/kbd'
import { useCallServices } from './call-context'

interface OpenProps {
  open: boolean
  onOpenChange: (open: boolean) => void
}

export function DevicesDialog(props: OpenProps) {
  const { media } = useCallServices()
  return (
    <Dialog {...props} title="Camera and sound" description="Changes take effect at once.">
      <DevicePickers media={media} />
    </Dialog>
  )
}

const SHORTCUTS = [
  ['M', 'Microphone on or off'],
  ['V', 'Camera on or off'],
  ['C', 'Chat'],
  ['P', 'People'],
  ['L', 'Copy the link'],
  ['?', 'This list'],
  ['Esc', 'Close what is open'],
] as const

export function ShortcutsDialog(props: OpenProps) {
  return (
    <Dialog {...props} title="Keyboard shortcuts">
      <dl className="flex flex-col">
        {SHORTCUTS.map(([key, what]) => (
          <div
            key={key}
            className="flex items-center justify-between border-b border-border py-2.5 last:border-b-0"
          >
            <dt className="order-2">
              <Kbd>{key}</Kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
