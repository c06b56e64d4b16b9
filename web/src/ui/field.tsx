import { useId, type ReactNode } from 'react'

interface FieldProps {
  label: ReactNode
  hint?: ReactNode
  error?: ReactNode
  /** Gets the ids that tie the control to its words. */
  children: (control: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true }) => ReactNode
}

/** A labelled control with a hint below, which an error replaces. */
export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId()
  const words = error || hint
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      {children({
        id,
        ...(words ? { 'aria-describedby': `${id}-words` } : {}),
        ...(error ? { 'aria-invalid': true } : {}),
      })}
      {words && (
        <p id={`${id}-words`} className={error ? 'text-sm text-danger-text' : 'text-sm text-muted'}>
          {words}
        </p>
      )}
    </div>
  )
}
