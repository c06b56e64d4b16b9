import { Check, CircleDashed, Loader, Minus, X } from 'lucide-react'
import type { Room } from '@/api/types'
import type { Leg, LegState, Verdict } from '@/call/network-test'
import { cn } from '@/lib/cn'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { useNetworkTest } from './use-network-test'
import { describeState, describeVerdict, nameLeg } from './words'

interface NetworkTestDialogProps {
  room: Room
  onClose: () => void
}

/** Each step of the test as it goes, and at the end what it means. */
export default function NetworkTestDialog({ room, onClose }: NetworkTestDialogProps) {
  const { legs, verdict, again } = useNetworkTest(room)
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="Test your connection"
      description="Tries every way that picture and sound can take from here. It takes a few seconds."
    >
      <ul className="flex flex-col divide-y divide-border">
        {legs.map((leg) => (
          <LegRow key={`${leg.kind} ${leg.url}`} leg={leg} />
        ))}
      </ul>
      <div role="status">{verdict && <Judgement verdict={verdict} />}</div>
      <div className="flex justify-end gap-3">
        <Button variant="ghost" onClick={onClose}>
          Done
        </Button>
        <Button busy={verdict === null} onClick={again}>
          {verdict === null ? 'Testing…' : 'Test again'}
        </Button>
      </div>
    </Dialog>
  )
}

function LegRow({ leg }: { leg: Leg }) {
  return (
    <li className="flex items-center gap-3 py-2.5 text-sm">
      <Mark state={leg.state} />
      <span className="min-w-0 flex-1">
        {nameLeg(leg)}
        {leg.state === 'failed' && leg.url && (
          <span className="block font-mono text-xs break-all text-muted">{leg.url}</span>
        )}
      </span>
      <span className={cn('shrink-0 text-muted', leg.state === 'failed' && 'text-danger-text')}>
        {describeState(leg)}
      </span>
    </li>
  )
}

function Mark({ state }: { state: LegState }) {
  const size = 'size-5 shrink-0'
  switch (state) {
    case 'passed':
      return <Check aria-hidden className={cn(size, 'text-accent')} />
    case 'failed':
      return <X aria-hidden className={cn(size, 'text-danger-text')} />
    case 'running':
      return <Loader aria-hidden className={cn(size, 'animate-spin text-muted motion-reduce:animate-none')} />
    case 'skipped':
      return <Minus aria-hidden className={cn(size, 'text-muted')} />
    case 'waiting':
      return <CircleDashed aria-hidden className={cn(size, 'text-muted')} />
  }
}

function Judgement({ verdict }: { verdict: Verdict }) {
  const { tone, title, advice } = describeVerdict(verdict)
  return (
    <div
      className={cn(
        'rounded-md px-4 py-3 text-sm',
        tone === 'good' && 'bg-accent-soft text-on-accent-soft',
        tone === 'fair' && 'bg-surface-2 text-text',
        tone === 'bad' && 'bg-danger-soft text-danger-text',
      )}
    >
      <p className="font-semibold">{title}</p>
      <p className="mt-1">{advice}</p>
    </div>
  )
}
