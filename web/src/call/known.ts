/** What is known of `T`, with gaps. */
export type Gaps<T> = { readonly [Key in keyof T]: T[Key] | null | undefined }

/** Leave out what is not known. No frame has room for a null, and JSON makes one of NaN. */
export function known<T extends object>(values: Gaps<T>): T {
  const isKnown = ([, value]: [string, unknown]) =>
    value != null && (typeof value !== 'number' || Number.isFinite(value))
  return Object.fromEntries(Object.entries(values).filter(isKnown)) as T
}
