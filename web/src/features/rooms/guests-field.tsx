import { useId } from 'react'
import { Switch } from '@/ui/switch'

interface GuestsFieldProps {
  checked: boolean
  onChange: (checked: boolean) => void
}

export function GuestsField({ checked, onChange }: GuestsFieldProps) {
  const id = useId()
  return (
    <div className="flex items-center justify-between gap-4">
      <div>
        <label htmlFor={id} className="text-sm font-medium">
          Guests may join
        </label>
        <p id={`${id}-words`} className="text-sm text-muted">
          {checked ? 'Anyone with the link, no account needed' : 'Only people who are signed in'}
        </p>
      </div>
      <Switch id={id} checked={checked} onCheckedChange={onChange} aria-describedby={`${id}-words`} />
    </div>
  )
}
