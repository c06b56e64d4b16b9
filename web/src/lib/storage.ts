/** What this browser remembers. Works, forgetfully, where storage is forbidden. */

const memory = new Map<string, string>()

export function remember(key: string, value: string): void {
  memory.set(key, value)
  try {
    localStorage.setItem(`chatter.${key}`, value)
  } catch {
    // Storage is full or forbidden: memory has to do.
  }
}

export function recall(key: string): string {
  try {
    return localStorage.getItem(`chatter.${key}`) ?? memory.get(key) ?? ''
  } catch {
    return memory.get(key) ?? ''
  }
}

export function forget(key: string): void {
  memory.delete(key)
  try {
    localStorage.removeItem(`chatter.${key}`)
  } catch {
    // Nothing was stored.
  }
}

/** A version 4 UUID, also on pages without a secure context, where `crypto.randomUUID` is missing. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** The name of this device, made once. */
export function deviceId(): string {
  const known = recall('deviceId')
  if (known) return known
  const made = randomId()
  remember('deviceId', made)
  return made
}
