import { cleanup } from '@testing-library/react'
import { afterEach } from 'vitest'
import './fakes'

afterEach(() => {
  cleanup()
  localStorage.clear()
})

HTMLCanvasElement.prototype.getContext = () => null
window.scrollTo = () => undefined
window.matchMedia = (query: string) =>
  ({
    matches: query.includes('min-width'),
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }) as unknown as MediaQueryList
window.HTMLMediaElement.prototype.play = () => Promise.resolve()
window.Element.prototype.scrollIntoView = () => undefined
window.Element.prototype.hasPointerCapture = () => false
