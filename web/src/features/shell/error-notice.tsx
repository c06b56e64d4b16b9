import { CircleAlert } from 'lucide-react'
import { describeError, errorReference } from '@/api/errors'
import { Notice } from '@/ui/notice'

/** A failed action in plain words, its code small beside it. */
export function ErrorNotice({ error }: { error: unknown }) {
  if (!error) return null
  const reference = errorReference(error)
  return (
    <Notice tone="error" role="alert" icon={<CircleAlert aria-hidden />}>
      {describeError(error)}
      {reference && <span className="mt-1 block font-mono text-xs">{reference}</span>}
    </Notice>
  )
}
