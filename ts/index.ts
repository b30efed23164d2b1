// What the package exports: nothing but what index.d.ts promises, as the compiler checks below.

import { createRequire } from 'node:module'
import { jwtAuthorize } from './auth/jwt.ts'
import { turnCredentials } from './auth/turn.ts'
import {
  ClosedError,
  InternalError,
  InvalidArgumentError,
  InvalidStateError,
  LimitError,
  NegotiationError,
  NetworkError,
  RemoteError,
  StreamError,
  XrtcError,
} from './errors.ts'
import { XrtcErrNo } from './http/xrtc/err-no.ts'
import { createServer } from './server.ts'

const manifest = createRequire(import.meta.url)('../package.json') as { readonly version: string }
const { version } = manifest

export {
  ClosedError,
  InternalError,
  InvalidArgumentError,
  InvalidStateError,
  LimitError,
  NegotiationError,
  NetworkError,
  RemoteError,
  StreamError,
  XrtcErrNo,
  XrtcError,
  createServer,
  jwtAuthorize,
  turnCredentials,
  version,
}

void ({
  ClosedError,
  InternalError,
  InvalidArgumentError,
  InvalidStateError,
  LimitError,
  NegotiationError,
  NetworkError,
  RemoteError,
  StreamError,
  XrtcErrNo,
  XrtcError,
  createServer,
  jwtAuthorize,
  turnCredentials,
  version,
} satisfies typeof import('../index.d.ts'))
