/** Room ids and the links that people share. */

const ROOM_ID = /^[a-z0-9][a-z0-9-]{1,62}[a-z0-9]$/

export function isRoomId(text: string): boolean {
  return ROOM_ID.test(text)
}

/** Read a room id out of what someone typed or pasted: an id or a link. Null when it is neither. */
export function parseRoomInput(input: string): string | null {
  const text = input.trim()
  const path = /\/r\/([^/?#\s]+)/.exec(text)?.[1]
  const id = (path ?? text).toLowerCase()
  return isRoomId(id) ? id : null
}

/** Make an id out of a free name: "Stand up!" becomes "stand-up". Empty when nothing is left of it. */
export function slugify(name: string): string {
  return name
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 64)
    .replace(/^-+|-+$/g, '')
}

export function roomPath(roomId: string): string {
  return `/r/${encodeURIComponent(roomId)}`
}

/** Below /r/, because /rooms/ is the API's. */
export function callsPath(roomId: string): string {
  return `${roomPath(roomId)}/calls`
}

export function callPath(roomId: string, callId: string): string {
  return `${callsPath(roomId)}/${encodeURIComponent(callId)}`
}

export function roomLink(roomId: string): string {
  return `${window.location.origin}${roomPath(roomId)}`
}
