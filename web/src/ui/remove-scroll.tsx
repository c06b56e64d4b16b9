/**
 * Stands in for `react-remove-scroll`, which Radix uses in modal components and which puts a <style> element into the
 * page. The content security policy forbids that; app.css locks the page while a dialog is open instead.
 */
import type { ElementType, ReactNode } from 'react'

interface RemoveScrollProps {
  as?: ElementType
  children?: ReactNode
  allowPinchZoom?: boolean
  shards?: unknown
  enabled?: boolean
}

export function RemoveScroll({ as: Component, children }: RemoveScrollProps) {
  return Component ? <Component>{children}</Component> : <>{children}</>
}

RemoveScroll.classNames = { fullWidth: '', zeroRight: '' }
