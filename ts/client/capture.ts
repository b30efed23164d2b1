import { ClientError, problemOfCapture } from './problem.ts'

/** Which camera and microphone to use, and whether at all. */
export interface CameraOptions {
  /** Default `true`; a string is the `deviceId` of a camera. */
  readonly video?: boolean | string
  /** Default `true`; a string is the `deviceId` of a microphone. */
  readonly audio?: boolean | string
  /** The picture's height to ask for, in pixels, at 16:9; default 720. */
  readonly height?: number
}

/** Opens camera and microphone; failures are {@link ClientError}s that say what to do. */
export async function captureCamera({
  video = true,
  audio = true,
  height = 720,
}: CameraOptions = {}): Promise<MediaStream> {
  const devices = requireMediaDevices()
  if (video === false && audio === false) {
    throw new ClientError('nothingToSend', 'Neither camera nor microphone is wanted: there is nothing to publish.')
  }
  const what = video !== false && audio !== false ? 'camera or microphone' : video !== false ? 'camera' : 'microphone'
  try {
    return await devices.getUserMedia({
      video: video === false ? false : { ...chosen(video), ...sizeOf(height) },
      audio: audio === false ? false : chosen(audio),
    })
  } catch (error) {
    throw problemOfCapture(error, what)
  }
}

/** Lets the person choose a screen, window or tab, with its sound where the browser can. */
export async function captureScreen({ audio = true }: { readonly audio?: boolean } = {}): Promise<MediaStream> {
  const devices = requireMediaDevices()
  if (typeof devices.getDisplayMedia !== 'function') {
    throw new ClientError('deviceNotFound', 'This browser cannot share a screen. Phones mostly cannot.')
  }
  try {
    const media = await devices.getDisplayMedia({ video: { frameRate: { ideal: 30 } }, audio })
    // Text must stay sharp: the encoder then gives up frames rather than detail (mst-content-hint §3).
    for (const track of media.getVideoTracks()) track.contentHint = 'detail'
    return media
  } catch (error) {
    throw problemOfCapture(error, 'screen')
  }
}

/** The cameras and microphones of this machine; their names are known only once one may be used. */
export async function listDevices(): Promise<{
  readonly cameras: readonly MediaDeviceInfo[]
  readonly microphones: readonly MediaDeviceInfo[]
}> {
  const devices = await requireMediaDevices().enumerateDevices()
  return {
    cameras: devices.filter((device) => device.kind === 'videoinput'),
    microphones: devices.filter((device) => device.kind === 'audioinput'),
  }
}

function requireMediaDevices(): MediaDevices {
  const devices = globalThis.navigator?.mediaDevices as MediaDevices | undefined
  if (devices) return devices
  throw new ClientError(
    'insecureContext',
    'Browsers open the camera and the screen on https:// pages and on localhost only. Start the server with --https.',
  )
}

function sizeOf(height: number): MediaTrackConstraints {
  return { width: { ideal: Math.round((height * 16) / 9) }, height: { ideal: height } }
}

function chosen(device: true | string): MediaTrackConstraints {
  return device === true ? {} : { deviceId: { exact: device } }
}
