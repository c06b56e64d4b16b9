/** Every key of the call, once: the keyboard, the labels of buttons and the list of help read it from here. */

export const SHORTCUTS = {
  microphone: { key: 'm', shown: 'M', what: 'Microphone on or off' },
  talk: { key: ' ', shown: 'Space', what: 'Hold to talk while muted' },
  camera: { key: 'v', shown: 'V', what: 'Camera on or off' },
  share: { key: 's', shown: 'S', what: 'Share your screen, or stop' },
  hand: { key: 'h', shown: 'H', what: 'Raise or lower your hand' },
  react: { key: 'e', shown: 'E', what: 'Reactions' },
  chat: { key: 'c', shown: 'C', what: 'Chat' },
  people: { key: 'p', shown: 'P', what: 'People' },
  layout: { key: 'l', shown: 'L', what: 'Everyone equally, or one large' },
  help: { key: '?', shown: '?', what: 'This list' },
  close: { key: 'escape', shown: 'Esc', what: 'Close what is open' },
} as const

export type ShortcutName = keyof typeof SHORTCUTS
