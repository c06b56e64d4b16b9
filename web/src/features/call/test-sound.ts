/** A short chord on the chosen speaker: the only way to know that it is the right one. */

const SECONDS = 0.9
const NOTES = [523.25, 659.25, 783.99]

/** Resolves when it has been played; rejects when the speaker cannot be used. */
export async function playTestSound(speakerId: string): Promise<void> {
  const context = new AudioContext()
  const out = context.createMediaStreamDestination()
  const loudness = context.createGain()
  loudness.gain.setValueAtTime(0.12, context.currentTime)
  loudness.gain.exponentialRampToValueAtTime(0.001, context.currentTime + SECONDS)
  loudness.connect(out)
  for (const [index, frequency] of NOTES.entries()) {
    const note = new OscillatorNode(context, { frequency })
    note.connect(loudness)
    note.start(context.currentTime + index * 0.1)
    note.stop(context.currentTime + SECONDS)
  }
  const element = new Audio()
  element.srcObject = out.stream
  try {
    if (speakerId && 'setSinkId' in element) await element.setSinkId(speakerId)
    await element.play()
    await new Promise((resolve) => setTimeout(resolve, SECONDS * 1_000))
  } finally {
    element.srcObject = null
    await context.close()
  }
}
