import { Tooltip as Radix } from 'radix-ui'
import type { ReactElement, ReactNode } from 'react'
import { Kbd } from './kbd'

export const TooltipProvider = Radix.Provider

interface TooltipProps {
  label: ReactNode
  shortcut?: string
  side?: 'top' | 'bottom' | 'left' | 'right'
  children: ReactElement
}

/** Stays beside its control in the document, so that it belongs to the same landmark. */
export function Tooltip({ label, shortcut, side = 'top', children }: TooltipProps) {
  return (
    <Radix.Root>
      <Radix.Trigger asChild>{children}</Radix.Trigger>
      <Radix.Content
        side={side}
        sideOffset={8}
        collisionPadding={8}
        className="appear z-50 flex items-center gap-2 rounded-sm border border-border bg-surface px-2.5 py-1.5 text-sm text-text shadow-md"
      >
        {label}
        {shortcut && <Kbd>{shortcut}</Kbd>}
      </Radix.Content>
    </Radix.Root>
  )
}
