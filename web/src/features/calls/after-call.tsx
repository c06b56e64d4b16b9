import { History } from 'lucide-react'
import type { Role } from '@/call/types'
import { Link } from '@/app/router'
import { useUser } from '@/app/services'
import { callPath } from '@/lib/room-id'
import { Button } from '@/ui/button'
import { CallId } from './call-id'

export interface PastCall {
  readonly id: string
  readonly roomId: string
  /** What one was in it. */
  readonly role: Role
  readonly owner: boolean
}

/** Below the words of a call's end: how it went, for those who run the room, and its name, for everyone. */
export function AfterCall({ call }: { call: PastCall }) {
  const ran = call.owner || call.role === 'host' || call.role === 'moderator'
  const mayRead = useUser() !== null && ran
  return (
    <div className="-mt-6 flex flex-col items-center gap-3 pb-8">
      {mayRead && (
        <Button asChild variant="ghost">
          <Link href={callPath(call.roomId, call.id)}>
            <History aria-hidden /> How the call went
          </Link>
        </Button>
      )}
      <CallId callId={call.id} className="justify-center" />
    </div>
  )
}
