/** Loudness of the own microphone, measured here; that of others comes with their packets (`Mesh.levels`). */

export interface LevelMeter {
  /** Loudness now, 0 to 1. */
  read(): number
  close(): void
}

export function createLevelMeter(track: MediaStreamTrack): LevelMeter {
  const context = new AudioContext()
  const source = context.createMediaStreamSource(new MediaStream([track]))
  const analyser = context.createAnalyser()
  analyser.fftSize = 512
  source.connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  return {
    read() {
      if (context.state === 'suspended') void context.resume()
      analyser.getFloatTimeDomainData(samples)
      let sum = 0
      for (const sample of samples) sum += sample * sample
      // Speech has an RMS of about 0.02 to 0.2; spread that over the range.
      return Math.min(1, Math.sqrt(sum / samples.length) * 6)
    },
    close() {
      source.disconnect()
      void context.close()
    },
  }
}
