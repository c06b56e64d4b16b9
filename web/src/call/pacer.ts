/** Holds back what a path that flaps would tell, and loses nothing that counts. */
import type { PathReport } from './path-report'

const MOST = 10
const WITHIN_MS = 10_000

export class Pacer {
  readonly #pass: (report: PathReport) => void
  #passed = 0
  /** The newest report that was one too many. */
  #held: PathReport | null = null
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(pass: (report: PathReport) => void) {
    this.#pass = pass
  }

  push(report: PathReport): void {
    if (this.#passed >= MOST && !mustPass(report)) {
      this.#held = report
      return
    }
    this.#flush()
    this.#let(report)
  }

  close(): void {
    this.#held = null
    clearTimeout(this.#timer)
  }

  #let(report: PathReport): void {
    this.#passed++
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#passed = 0
      this.#flush()
    }, WITHIN_MS)
    this.#pass(report)
  }

  #flush(): void {
    const report = this.#held
    this.#held = null
    if (report) this.#let(report)
  }
}

/** The end of an attempt and the begin of another; recovery itself keeps them apart. */
function mustPass({ state, reason }: PathReport): boolean {
  return state === 'failed' || reason !== 'state'
}

/** Whether the newer report of an attempt tells all that the older one did. */
export function tellsAll(newer: PathReport, older: PathReport): boolean {
  return (
    newer.connection === older.connection &&
    newer.reason === 'state' &&
    older.reason === 'state' &&
    (older.state === 'new' || older.state === 'connecting')
  )
}
