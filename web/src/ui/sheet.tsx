import { X } from 'lucide-react'
import { Dialog as Radix } from 'radix-ui'
import { useEffect, useRef, type ReactNode } from 'react'
import { useMediaQuery } from '@/lib/use-media-query'
import { Button } from './button'
import { becomeSheetTop } from './sheet-top'

interface SheetProps {
  open: boolean
  onClose: () => void
  title: string
  children: ReactNode
}

/** Beside the content where there is room, so that both can be used; over all of it on a phone. */
export function Sheet({ open, onClose, title, children }: SheetProps) {
  const wide = useMediaQuery('(min-width: 768px)')
  if (!wide) {
    return (
      <Radix.Root open={open} onOpenChange={(next) => !next && onClose()}>
        <Radix.Portal>
          <Radix.Content
            ref={becomeSheetTop}
            data-modal
            aria-describedby={undefined}
            className="appear fixed inset-0 z-40 flex h-dvh flex-col bg-surface pt-[env(safe-area-inset-top)] pb-[env(safe-area-inset-bottom)] outline-none"
          >
            <SheetHeader
              title={<Radix.Title className="text-base font-semibold">{title}</Radix.Title>}
              onClose={onClose}
            />
            {children}
          </Radix.Content>
        </Radix.Portal>
      </Radix.Root>
    )
  }
  return open ? (
    <SidePanel title={title} onClose={onClose}>
      {children}
    </SidePanel>
  ) : null
}

function SidePanel({ title, onClose, children }: Omit<SheetProps, 'open'>) {
  const panel = useRef<HTMLElement>(null)
  const returnTo = useRef<Element | null>(null)
  const close = useRef(onClose)
  useEffect(() => {
    close.current = onClose
  })
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented) return
      event.preventDefault()
      close.current()
    }
    const element = panel.current
    element?.addEventListener('keydown', onKeyDown)
    return () => element?.removeEventListener('keydown', onKeyDown)
  }, [])
  useEffect(() => {
    returnTo.current = document.activeElement
    const element = panel.current
    if (element && !element.contains(document.activeElement)) {
      const first = element.querySelector<HTMLElement>('[data-autofocus]') ?? element
      first.focus({ preventScroll: true })
    }
    return () => {
      const inside = document.activeElement === document.body || element?.contains(document.activeElement)
      if (inside && returnTo.current instanceof HTMLElement) returnTo.current.focus({ preventScroll: true })
    }
  }, [title])
  return (
    <aside
      ref={panel}
      tabIndex={-1}
      aria-label={title}
      className="slide-in flex w-90 shrink-0 flex-col overflow-hidden rounded-lg border border-border bg-surface outline-none"
    >
      <SheetHeader title={<h2 className="text-base font-semibold">{title}</h2>} onClose={onClose} />
      {children}
    </aside>
  )
}

function SheetHeader({ title, onClose }: { title: ReactNode; onClose: () => void }) {
  return (
    <div className="flex h-14 shrink-0 items-center justify-between border-b border-border pr-2 pl-4">
      {title}
      <Button variant="ghost" size="icon" aria-label="Close panel" onClick={onClose}>
        <X aria-hidden />
      </Button>
    </div>
  )
}
