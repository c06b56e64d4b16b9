import { CircleSlash, CloudOff, DoorClosed, LogIn, PhoneOff, SearchX, Users } from 'lucide-react'
import type { ComponentType, SVGProps } from 'react'
import type { CallState, EndReason } from '@/call/types'
import { Link, signInPath } from '@/app/router'
import { useUser } from '@/app/services'
import { Page } from '@/features/shell/page'
import { roomPath } from '@/lib/room-id'
import { Button } from '@/ui/button'
import { Message } from '@/ui/message'

interface Words {
  readonly icon: ComponentType<SVGProps<SVGSVGElement>>
  readonly title: string
  readonly text: string
  /** What leads on: come back, sign in first, or nothing. */
  readonly way: 'rejoin' | 'retry' | 'signIn' | 'none'
}

const WORDS: Readonly<Record<EndReason, Words>> = {
  left: { icon: PhoneOff, title: 'You left the call', text: 'Camera and microphone are off.', way: 'rejoin' },
  kicked: {
    icon: CircleSlash,
    title: 'You were removed from the call',
    text: 'Someone who runs this call took you out of it.',
    way: 'none',
  },
  banned: {
    icon: CircleSlash,
    title: 'You may not enter this room',
    text: 'Someone who runs it has closed it to you.',
    way: 'none',
  },
  room_full: {
    icon: Users,
    title: 'The room is full',
    text: 'As many people are inside as it admits. Try again when someone has left.',
    way: 'retry',
  },
  room_not_found: {
    icon: SearchX,
    title: 'There is no such room',
    text: 'It was deleted, or it only admits people who are signed in.',
    way: 'signIn',
  },
  room_closed: { icon: DoorClosed, title: 'The call has ended', text: 'The room was closed.', way: 'none' },
  forbidden: {
    icon: CircleSlash,
    title: 'This room is not open to you',
    text: 'Ask the person who sent you the link.',
    way: 'signIn',
  },
  signed_out: {
    icon: LogIn,
    title: 'You were signed out',
    text: 'Sign in again to come back to the call.',
    way: 'signIn',
  },
  unauthenticated: {
    icon: LogIn,
    title: 'You were signed out',
    text: 'Sign in again to come back to the call.',
    way: 'signIn',
  },
  bad_protocol: {
    icon: CloudOff,
    title: 'This page is out of date',
    text: 'Chatter was updated meanwhile. Reload the page and join again.',
    way: 'retry',
  },
  replaced: {
    icon: PhoneOff,
    title: 'The call goes on elsewhere',
    text: 'It was opened in another tab or on another device.',
    way: 'rejoin',
  },
  unreachable: {
    icon: CloudOff,
    title: 'We can’t reach the call',
    text: 'The server does not answer. Check your connection and try again.',
    way: 'retry',
  },
  lost: {
    icon: CloudOff,
    title: 'The connection was lost',
    text: 'We tried for a while without success. Check your connection and come back.',
    way: 'rejoin',
  },
}

interface EndedProps {
  ended: NonNullable<CallState['ended']>
  roomId: string
  onRejoin: () => void
}

/** After the call, or instead of it: what happened and what one can do. */
export function Ended({ ended, roomId, onRejoin }: EndedProps) {
  const user = useUser()
  const { icon: Icon, title, text, way } = WORDS[ended.reason]
  const signsIn = way === 'signIn' && !user
  const rejoins = way === 'rejoin' || way === 'retry' || (way === 'signIn' && user !== null)
  return (
    <Page>
      <Message
        icon={<Icon aria-hidden />}
        title={title}
        reference={ended.code === null ? undefined : `${ended.reason} · ${ended.code}`}
        actions={
          <>
            {signsIn && (
              <Button asChild variant="primary">
                <Link href={signInPath(roomPath(roomId))}>Sign in</Link>
              </Button>
            )}
            {rejoins && (
              <Button
                variant="primary"
                onClick={ended.reason === 'bad_protocol' ? () => window.location.reload() : onRejoin}
              >
                {ended.reason === 'bad_protocol' ? 'Reload' : way === 'rejoin' ? 'Rejoin' : 'Try again'}
              </Button>
            )}
            <Button asChild>
              <Link href="/">Back to the start</Link>
            </Button>
          </>
        }
      >
        {text}
      </Message>
    </Page>
  )
}
