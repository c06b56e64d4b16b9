import {
  CircleSlash,
  CloudOff,
  DoorClosed,
  KeyRound,
  Lock,
  LogIn,
  PhoneOff,
  SearchX,
  TicketX,
  Users,
} from 'lucide-react'
import { useEffect, type ComponentType, type SVGProps } from 'react'
import type { Ended as End, EndReason } from '@/call/types'
import { Link, signInPath } from '@/app/router'
import { useUser } from '@/app/services'
import { AfterCall, type PastCall } from '@/features/calls/after-call'
import { describeEnd, endReference, type Way } from '@/features/moderation/ended-words'
import { Page } from '@/features/shell/page'
import { roomPath } from '@/lib/room-id'
import { Button } from '@/ui/button'
import { Message } from '@/ui/message'

const ICONS: Readonly<Record<EndReason, ComponentType<SVGProps<SVGSVGElement>>>> = {
  left: PhoneOff,
  kicked: CircleSlash,
  banned: CircleSlash,
  room_full: Users,
  room_not_found: SearchX,
  room_closed: DoorClosed,
  forbidden: CircleSlash,
  signed_out: LogIn,
  unauthenticated: LogIn,
  bad_protocol: CloudOff,
  replaced: PhoneOff,
  ended: PhoneOff,
  denied: DoorClosed,
  room_locked: Lock,
  password_required: KeyRound,
  wrong_password: KeyRound,
  invitation_invalid: TicketX,
  unreachable: CloudOff,
  lost: CloudOff,
}

const LABELS: Readonly<Record<Exclude<Way, 'none'>, string>> = {
  rejoin: 'Rejoin',
  retry: 'Try again',
  signIn: 'Try again',
  reload: 'Reload',
  withoutInvitation: 'Try again',
}

interface EndedProps {
  ended: End
  roomId: string
  /** Whether one had come further than the door. */
  wasIn?: boolean
  /** The call, once one had come in. */
  call?: PastCall | null
  onRejoin: () => void
  onWithoutInvitation?: () => void
}

/** After the call, or instead of it: what happened and what one can do. */
export function Ended({
  ended,
  roomId,
  wasIn = true,
  call = null,
  onRejoin,
  onWithoutInvitation,
}: EndedProps) {
  const user = useUser()
  const { title, text, way, label } = describeEnd(ended, wasIn)
  const Icon = ICONS[ended.reason]
  const leads: Readonly<Record<Way, () => void>> = {
    rejoin: onRejoin,
    retry: onRejoin,
    signIn: onRejoin,
    reload: () => window.location.reload(),
    withoutInvitation: onWithoutInvitation ?? onRejoin,
    none: () => undefined,
  }
  // The call is gone and the focus with it: reading goes on here.
  useEffect(() => document.getElementById('main')?.focus({ preventScroll: true }), [])
  return (
    <Page>
      <Message
        icon={<Icon aria-hidden />}
        title={title}
        reference={endReference(ended)}
        actions={
          <>
            {way === 'signIn' && !user ? (
              <Button asChild variant="primary">
                <Link href={signInPath(roomPath(roomId))}>Sign in</Link>
              </Button>
            ) : (
              way !== 'none' && (
                <Button variant="primary" onClick={leads[way]}>
                  {label ?? LABELS[way]}
                </Button>
              )
            )}
            <Button asChild variant={way === 'none' ? 'primary' : 'secondary'}>
              <Link href="/">Back to the start</Link>
            </Button>
          </>
        }
      >
        {text}
      </Message>
      {call && <AfterCall call={call} />}
    </Page>
  )
}
