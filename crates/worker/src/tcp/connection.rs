//! One connection of a peer.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use xrtc_rtp::Time;
use xrtc_sfu::framing::{Deframer, PREFIX, prefix};
use xrtc_sfu::{Class, Path};

use super::backlog::Backlog;

/// A connection, its unfinished frame of the one direction and its backlog of the other.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) path: Path,
    pub(super) deframer: Deframer,
    backlog: Backlog,
    pub(super) state: State,
    /// It stands in the list of those that may be read or written.
    pub(super) is_ready: bool,
}

/// How far a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// The other side has closed it, or it has failed.
    Broken,
    /// Nobody here needs it: what was written still leaves, until then at most.
    Closing(Time),
}

/// What became of frames that were to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) frames: usize,
    pub(super) bytes: usize,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, path: Path) -> Self {
        // A frame is a packet of media: none waits for the next one.
        let _ = stream.set_nodelay(true);
        limit_unsent(&stream);
        Self {
            stream,
            path,
            deframer: Deframer::default(),
            backlog: Backlog::default(),
            state: State::Open,
            is_ready: false,
        }
    }

    /// Writes `frames` or lets them wait; each that can do neither is told to `dropped`.
    pub(super) fn send<'a>(
        &mut self,
        now: Time,
        mut frames: impl Iterator<Item = (Class, &'a [u8])>,
        mut dropped: impl FnMut(Class),
    ) -> Outcome {
        let mut outcome = Outcome::default();
        loop {
            let mut chunk: [(Class, &[u8]); GATHERED] = [(Class::Control, &[]); GATHERED];
            let mut count = 0;
            for place in &mut chunk {
                let Some(frame) = frames.next() else { break };
                *place = frame;
                count += 1;
            }
            let chunk = chunk.get(..count).unwrap_or_default();
            if chunk.is_empty() {
                return outcome;
            }
            let mut written = if self.backlog.is_empty() && self.state == State::Open {
                self.write(chunk)
            } else {
                0
            };
            for (class, datagram) in chunk {
                let Some(header) = prefix(datagram.len()) else {
                    dropped(*class);
                    continue;
                };
                let whole = PREFIX + datagram.len();
                let done = written.min(whole);
                written -= done;
                // A frame that has begun has to be finished.
                if done == 0 && !self.takes(now, *class, datagram.len()) {
                    dropped(*class);
                    continue;
                }
                if done < whole {
                    self.backlog
                        .push(now, header.get(done..).unwrap_or_default());
                    let rest = datagram.get(done.saturating_sub(PREFIX)..);
                    self.backlog.push(now, rest.unwrap_or_default());
                }
                outcome.frames += 1;
                outcome.bytes += whole;
            }
        }
    }

    fn takes(&self, now: Time, class: Class, len: usize) -> bool {
        self.state == State::Open && self.backlog.takes(now, class, len)
    }

    /// Writes as much of these frames as the system takes now; gives the number of bytes, prefixes included.
    fn write(&mut self, frames: &[(Class, &[u8])]) -> usize {
        let mut prefixes = [[0; PREFIX]; GATHERED];
        for (place, (_, datagram)) in prefixes.iter_mut().zip(frames) {
            *place = prefix(datagram.len()).unwrap_or_default();
        }
        let mut slices = [[IoSlice::new(&[]); 2]; GATHERED];
        for ((pair, header), (_, datagram)) in slices.iter_mut().zip(&prefixes).zip(frames) {
            // What has no prefix is too long for a frame, and dropped.
            if prefix(datagram.len()).is_some() {
                *pair = [IoSlice::new(header), IoSlice::new(datagram)];
            }
        }
        let slices = slices.get(..frames.len()).unwrap_or_default();
        write(&mut self.stream, &mut self.state, slices.as_flattened())
    }

    /// Writes what waits, as far as the system takes it.
    pub(super) fn flush(&mut self) {
        while !self.backlog.is_empty() && self.state != State::Broken {
            let slices = self.backlog.slices();
            let written = write(&mut self.stream, &mut self.state, &slices);
            if written == 0 {
                return;
            }
            self.backlog.advance(written);
        }
        if matches!(self.state, State::Closing(_)) {
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }

    /// Reads once into `buffer`; `None`: there is nothing more for now.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            match self.stream.read(buffer) {
                Ok(len) if len > 0 => return Some(len),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Ok(_) | Err(_) => {
                    self.state = State::Broken;
                    return None;
                }
            }
        }
    }

    /// Nobody here needs it any more.
    pub(super) fn begin_closing(&mut self, until: Time) {
        if self.state == State::Open {
            self.state = State::Closing(until);
            self.flush();
        }
    }
}

fn write(stream: &mut TcpStream, state: &mut State, slices: &[IoSlice<'_>]) -> usize {
    loop {
        match stream.write_vectored(slices) {
            Ok(len) if len > 0 => return len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return 0,
            Ok(_) | Err(_) => {
                *state = State::Broken;
                return 0;
            }
        }
    }
}

/// The system keeps what it has sent until it is acknowledged, but little that it has not: that would be sent late, and
/// nothing of it could be dropped.
#[cfg(target_os = "linux")]
fn limit_unsent(stream: &TcpStream) {
    use std::os::fd::AsRawFd;
    // A refusal leaves the system's own bound.
    let _ = crate::udp::set_option(
        stream.as_raw_fd(),
        libc::IPPROTO_TCP,
        libc::TCP_NOTSENT_LOWAT,
        UNSENT_BYTES,
    );
}

#[cfg(not(target_os = "linux"))]
fn limit_unsent(_: &TcpStream) {}

/// Frames in one write.
const GATHERED: usize = 32;
/// As much as 100 ms of a picture in high definition.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: libc::c_int = 64 << 10;
