import { Component, Suspense, type ReactNode } from 'react'

/** Parts that come after the rest of the page, and not at all where they cannot be fetched: the rest goes on. */
export class Later extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false }

  static getDerivedStateFromError() {
    return { failed: true }
  }

  override render() {
    return this.state.failed ? null : <Suspense fallback={null}>{this.props.children}</Suspense>
  }
}
