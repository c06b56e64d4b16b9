/** What is said of recordings. */
import type { Recording } from '@/api/types'
import type { Member } from '@/call/types'

const NAME = /^Recorder of (.+)$/

/** Who had the call recorded; null when nobody does. The recorder's name tells, as the server made it. */
export function recordedBy(members: readonly Member[]): string | null {
  const recorder = members.find(({ kind }) => kind === 'recorder')
  return recorder ? (NAME.exec(recorder.displayName)?.[1] ?? recorder.displayName) : null
}

const ERRORS: Readonly<Record<string, string>> = {
  nothing_recorded: 'Nobody sent picture or sound.',
  disk_full: 'The disk of the server filled up.',
  quota_exceeded: 'The space for recordings ran out.',
  too_long: 'It reached the longest length.',
  crashed: 'The recorder broke down; what it had until then is here.',
  lost: 'The recorder lost the call.',
  write_failed: 'The server could not write it down.',
}

/** Where a recording stands, and what went wrong with it. */
export function describeRecording({ status, error, progress }: Recording): string {
  const trouble = ERRORS[error]
  switch (status) {
    case 'starting':
      return 'Starting…'
    case 'recording':
      return 'Recording now'
    case 'processing':
      return `Being put together, ${Math.round(progress * 100)} %`
    case 'failed':
      return `No recording. ${error === 'crashed' ? 'The recorder broke down.' : (trouble ?? 'Something went wrong.')}`
    case 'ready':
      return trouble ? `Ended early. ${trouble}` : 'Ready'
  }
}

export function isFinished({ status }: Recording): boolean {
  return status === 'ready' || status === 'failed'
}

/** "12 MB" */
export function formatSize(bytes: number): string {
  const [value, unit] = bytes < 1e9 ? [bytes / 1e6, 'megabyte'] : [bytes / 1e9, 'gigabyte']
  return new Intl.NumberFormat('en', {
    style: 'unit',
    unit,
    maximumFractionDigits: value < 10 ? 1 : 0,
  }).format(value)
}
