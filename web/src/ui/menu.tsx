import { Check } from 'lucide-react'
import { DropdownMenu as Radix } from 'radix-ui'
import { useRef, type ReactElement, type ReactNode } from 'react'
import { cn } from '@/lib/cn'

interface MenuProps {
  trigger: ReactElement
  children: ReactNode
  align?: 'start' | 'center' | 'end'
  side?: 'top' | 'bottom'
}

/** Stays where its button is in the document, so that it belongs to the same landmark. */
export function Menu({ trigger, children, align = 'end', side = 'bottom' }: MenuProps) {
  const button = useRef<HTMLButtonElement>(null)

  /**
   * The focus goes back to the button, unless what an item opened has it already: it would close again.
   *
   * Always prevented, so that Radix's own handler never runs: after a click elsewhere it gives no focus back, and it
   * forgets the click only when it runs.
   */
  function returnFocus(event: Event) {
    event.preventDefault()
    if (document.activeElement === document.body) button.current?.focus()
  }

  return (
    <Radix.Root modal={false}>
      <Radix.Trigger ref={button} asChild>
        {trigger}
      </Radix.Trigger>
      <Radix.Content
        align={align}
        side={side}
        sideOffset={8}
        collisionPadding={12}
        onCloseAutoFocus={returnFocus}
        className="appear z-50 min-w-56 rounded-md border border-border bg-surface p-1 shadow-lg outline-none"
      >
        {children}
      </Radix.Content>
    </Radix.Root>
  )
}

const itemClasses =
  'flex min-h-10 cursor-pointer items-center gap-3 rounded-sm px-3 py-2 text-sm outline-none select-none data-highlighted:bg-surface-2 [&_svg]:size-4 [&_svg]:shrink-0'

interface MenuItemProps {
  icon?: ReactNode
  children: ReactNode
  shortcut?: string
  danger?: boolean
  onSelect: () => void
}

export function MenuItem({ icon, children, shortcut, danger, onSelect }: MenuItemProps) {
  return (
    <Radix.Item onSelect={onSelect} className={cn(itemClasses, danger && 'text-danger-text')}>
      {icon}
      <span className="flex-1">{children}</span>
      {shortcut && <span className="text-xs text-muted pointer-coarse:hidden">{shortcut}</span>}
    </Radix.Item>
  )
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return <Radix.Label className="px-3 pt-2 pb-1 text-xs text-muted">{children}</Radix.Label>
}

export function MenuSeparator() {
  return <Radix.Separator className="my-1 h-px bg-border" />
}

interface MenuChoiceProps {
  value: string
  onChange: (value: string) => void
  options: readonly { value: string; label: string; icon?: ReactNode }[]
}

/** One of several. */
export function MenuChoice({ value, onChange, options }: MenuChoiceProps) {
  return (
    <Radix.RadioGroup value={value} onValueChange={onChange}>
      {options.map((option) => (
        <Radix.RadioItem key={option.value} value={option.value} className={itemClasses}>
          {option.icon}
          <span className="flex-1">{option.label}</span>
          <Radix.ItemIndicator>
            <Check aria-hidden />
          </Radix.ItemIndicator>
        </Radix.RadioItem>
      ))}
    </Radix.RadioGroup>
  )
}
