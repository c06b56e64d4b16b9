import { createStore } from '@/lib/store'

/**
 * The sheet that covers the screen of a phone, while one is open: whatever must still be seen and answered is shown in
 * it, for outside of it nothing can be reached.
 */
export const sheetTop = createStore<HTMLElement | null>(null)

/** As the `ref` of the sheet. */
export function becomeSheetTop(element: HTMLElement | null): () => void {
  sheetTop.set(element)
  return () => {
    if (sheetTop.get() === element) sheetTop.set(null)
  }
}
