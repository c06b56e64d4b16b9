import { Activity } from 'lucide-react'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import type { Room } from '@/api/types'
import { Button } from '@/ui/button'

const NetworkTestDialog = lazy(() => import('./network-test-dialog'))

/** Opens the test of the way from here to a call. */
export function NetworkTestButton({ room }: { room: Room }) {
  const [open, setOpen] = useState(false)
  const opener = useRef<HTMLButtonElement>(null)
  const wasOpen = useRef(false)
  // The dialog has no trigger of its own to give the focus back to.
  useEffect(() => {
    if (wasOpen.current && !open) opener.current?.focus()
    wasOpen.current = open
  }, [open])
  return (
    <>
      <Button ref={opener} variant="ghost" size="sm" className="self-start" onClick={() => setOpen(true)}>
        <Activity aria-hidden />
        Test your connection
      </Button>
      {open && (
        <Suspense fallback={null}>
          <NetworkTestDialog room={room} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  )
}
