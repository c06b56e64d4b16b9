import { Laptop, Smartphone } from 'lucide-react'
import { useEffect, useState } from 'react'
import type { DeviceSession } from '@/api/types'
import { navigate } from '@/app/router'
import { useServices } from '@/app/services'
import { ErrorNotice } from '@/features/shell/error-notice'
import { formatAgo } from '@/lib/time'
import { useAction } from '@/lib/use-action'
import { Button } from '@/ui/button'
import { Skeleton } from '@/ui/skeleton'
import { toast } from '@/ui/toast'
import { describeAgent } from './user-agent'

/** Where one is signed in, each with its way out. */
export function DeviceSessions() {
  const { api, session } = useServices()
  const [sessions, setSessions] = useState<readonly DeviceSession[] | null>(null)
  const [loadedAt, setLoadedAt] = useState(0)
  const { run: load, error: loadError } = useAction(async () => {
    setSessions(await api.listSessions())
    setLoadedAt(Date.now())
  })
  const { run: end, error: endError } = useAction(async (device: DeviceSession) => {
    if (device.current) {
      await session.signOut()
      navigate('/')
      return
    }
    await api.endSession(device.id)
    setSessions((all) => all?.filter(({ id }) => id !== device.id) ?? null)
    toast('Signed out there.')
  })
  useEffect(() => void load(), [load])

  if (!sessions) {
    return loadError ? (
      <div className="flex flex-col items-start gap-3">
        <ErrorNotice error={loadError} />
        <Button onClick={() => void load()}>Try again</Button>
      </div>
    ) : (
      <div className="flex flex-col gap-2">
        <Skeleton className="h-17" />
        <p role="status" className="late text-sm text-muted">
          Loading your devices…
        </p>
      </div>
    )
  }
  const sorted = [...sessions].sort(
    (a, b) => Number(b.current) - Number(a.current) || b.lastSeen.localeCompare(a.lastSeen),
  )
  return (
    <div className="flex flex-col gap-3">
      <ErrorNotice error={endError} />
      <ul className="flex flex-col overflow-hidden rounded-lg border border-border bg-surface">
        {sorted.map((device) => (
          <DeviceRow key={device.id} device={device} now={loadedAt} onEnd={() => void end(device)} />
        ))}
      </ul>
      <p className="text-sm text-muted">
        Signing a device out ends its calls too. Do it for every device you no longer have.
      </p>
    </div>
  )
}

function DeviceRow({ device, now, onEnd }: { device: DeviceSession; now: number; onEnd: () => void }) {
  const { name, phone } = describeAgent(device.userAgent ?? '')
  const Icon = phone ? Smartphone : Laptop
  return (
    <li className="flex items-center gap-4 border-b border-border px-4 py-3 last:border-b-0">
      <Icon aria-hidden className="size-5 shrink-0 text-muted" />
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-x-2 font-medium">
          <span className="truncate">{name}</span>
          {device.current && (
            <span className="rounded-sm bg-accent-soft px-2 py-0.5 text-xs font-semibold text-on-accent-soft">
              This device
            </span>
          )}
        </p>
        <p className="text-sm text-muted">
          {device.current ? 'In use now' : `Last used ${formatAgo(Date.parse(device.lastSeen), now)}`}
        </p>
      </div>
      <Button
        size="sm"
        variant="secondary"
        onClick={onEnd}
        aria-label={device.current ? 'Sign out on this device' : `Sign out on ${name}`}
      >
        Sign out
      </Button>
    </li>
  )
}
