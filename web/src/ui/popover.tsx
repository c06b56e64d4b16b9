import { Popover as Radix } from 'radix-ui'
import type { ReactElement, ReactNode } from 'react'
import { cn } from '@/lib/cn'

interface PopoverProps {
  trigger: ReactElement
  /** What it is, for screen readers. */
  label: string
  children: ReactNode
  side?: 'top' | 'bottom' | 'left' | 'right'
  align?: 'start' | 'center' | 'end'
  className?: string
  open?: boolean
  onOpenChange?: (open: boolean) => void
}

/** A small box at its button; the rest of the page stays usable. Stays beside its button in the document. */
export function Popover({
  trigger,
  label,
  children,
  side = 'bottom',
  align = 'center',
  className,
  ...state
}: PopoverProps) {
  return (
    <Radix.Root {...state}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Content
        aria-label={label}
        side={side}
        align={align}
        sideOffset={8}
        collisionPadding={12}
        className={cn(
          'appear z-50 rounded-md border border-border bg-surface p-3 text-text shadow-lg outline-none',
          className,
        )}
      >
        {children}
      </Radix.Content>
    </Radix.Root>
  )
}
