/**
 * The browser library of xrtc: publish by WHIP, play by WHEP, capture, live figures. No dependencies, no native code.
 * @module xrtc/client
 */

export { captureCamera, captureScreen, listDevices, type CameraOptions } from './capture.ts'
export type { Figures, TrackFigures } from './figures.ts'
export { play, type PlayOptions, type Player } from './player.ts'
export { ClientError, type ProblemCode } from './problem.ts'
export { publish, type Publisher, type PublishOptions, type VideoCodec } from './publisher.ts'
export type { Session, SessionOptions, SessionState } from './session.ts'
