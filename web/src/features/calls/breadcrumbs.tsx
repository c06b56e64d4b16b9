import { ChevronRight } from 'lucide-react'
import { Link } from '@/app/router'
import { callsPath, roomPath } from '@/lib/room-id'

interface BreadcrumbsProps {
  roomId: string
  roomName: string
  /** One call is shown, rather than the list of them. */
  inCall?: boolean
}

export function Breadcrumbs({ roomId, roomName, inCall = false }: BreadcrumbsProps) {
  const steps = [
    ['/', 'Home'],
    [roomPath(roomId), roomName],
    ...(inCall ? [[callsPath(roomId), 'Calls'] as const] : []),
  ] as const
  return (
    <nav aria-label="Where you are" className="mb-2 -ml-1">
      <ol className="flex min-w-0 items-center text-sm text-muted">
        {steps.map(([href, label], index) => (
          <li key={href} className={index === 1 ? 'flex min-w-0 items-center' : 'flex shrink-0 items-center'}>
            {index > 0 && <ChevronRight aria-hidden className="mx-0.5 size-4 shrink-0" />}
            <Link
              href={href}
              className="inline-block min-h-6 min-w-6 truncate rounded-sm px-1 py-0.5 hover:text-text hover:underline"
            >
              {label}
            </Link>
          </li>
        ))}
      </ol>
    </nav>
  )
}
