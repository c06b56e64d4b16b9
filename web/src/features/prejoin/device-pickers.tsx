import type { LocalMedia, MediaSnapshot } from '@/call/media'
import { rememberDevice } from '@/features/account/preferences'
import { Field } from '@/ui/field'
import { Select } from '@/ui/select'
import { useMediaSnapshot } from './use-local-media'

const canChooseSpeaker = typeof HTMLMediaElement !== 'undefined' && 'setSinkId' in HTMLMediaElement.prototype

/** Which camera, microphone and speaker. Names appear once the browser has been allowed to use the devices. */
export function DevicePickers({ media }: { media: LocalMedia }) {
  const snapshot = useMediaSnapshot(media)
  const choose = (kind: 'audio' | 'video', id: string) => {
    rememberDevice(kind === 'audio' ? 'microphone' : 'camera', id)
    void media.choose(kind, id)
  }
  return (
    <div className="flex flex-col gap-4">
      <Picker
        label="Microphone"
        none="No microphone found"
        kind="audioinput"
        snapshot={snapshot}
        value={snapshot.audio.deviceId}
        onChange={(id) => choose('audio', id)}
      />
      <Picker
        label="Camera"
        none="No camera found"
        kind="videoinput"
        snapshot={snapshot}
        value={snapshot.video.deviceId}
        onChange={(id) => choose('video', id)}
      />
      {canChooseSpeaker && (
        <Picker
          label="Speaker"
          none="The system’s speaker"
          kind="audiooutput"
          snapshot={snapshot}
          value={snapshot.speakerId}
          onChange={(id) => {
            rememberDevice('speaker', id)
            media.chooseSpeaker(id)
          }}
        />
      )}
    </div>
  )
}

interface PickerProps {
  label: string
  none: string
  kind: MediaDeviceKind
  snapshot: MediaSnapshot
  value: string
  onChange: (id: string) => void
}

function Picker({ label, none, kind, snapshot, value, onChange }: PickerProps) {
  const devices = snapshot.devices.filter((device) => device.kind === kind)
  const known = devices.some(({ id }) => id === value)
  return (
    <Field label={label}>
      {(control) => (
        <Select
          {...control}
          value={known ? value : ''}
          disabled={devices.length === 0}
          onChange={(event) => onChange(event.target.value)}
        >
          {devices.length === 0 && <option value="">{none}</option>}
          {devices.length > 0 && !known && <option value="">Default</option>}
          {devices.map((device, index) => (
            <option key={device.id} value={device.id}>
              {device.label || `${label} ${index + 1}`}
            </option>
          ))}
        </Select>
      )}
    </Field>
  )
}
