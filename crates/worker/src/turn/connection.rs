//! One client's connection, with TLS or without.

use std::io::{self, Read as _, Write as _};
use std::time::Duration;

use mio::net::TcpStream;
use rustls::ServerConnection;
use xrtc_rtp::Time;
use xrtc_turn::{Client, padding};

/// A connection, what has come on it and is no whole message yet, and what is still to be sent.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    tls: Option<Box<ServerConnection>>,
    pub(super) client: Client,
    /// When it was opened, or last seen to have an allocation.
    pub(super) used: Time,
    /// Whether a message that meant something has come.
    pub(super) is_known: bool,
    /// Whether it stands in the queue of those that may have something to read.
    pub(super) is_ready: bool,
    /// The beginning of a message.
    pub(super) input: Vec<u8>,
    /// Whole messages.
    output: Vec<u8>,
    /// How much of that has been taken.
    sent: usize,
}

/// What reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// There may be more.
    More,
    /// There is nothing more for now.
    Drained,
    /// The connection is over.
    Over,
}

impl Connection {
    pub(super) fn new(
        stream: TcpStream,
        tls: Option<ServerConnection>,
        client: Client,
        now: Time,
    ) -> Self {
        Self {
            stream,
            tls: tls.map(Box::new),
            client,
            used: now,
            is_known: false,
            is_ready: false,
            input: Vec::new(),
            output: Vec::new(),
            sent: 0,
        }
    }

    /// How long it may be without an allocation.
    pub(super) const fn patience(&self) -> Duration {
        if self.is_known { IDLE } else { SILENCE }
    }

    /// Reads once, through `scratch`, to the end of `input`.
    pub(super) fn read(&mut self, scratch: &mut [u8]) -> Reading {
        let Some(tls) = &mut self.tls else {
            return match self.stream.read(scratch) {
                Ok(0) => Reading::Over,
                Ok(len) => {
                    self.input
                        .extend_from_slice(scratch.get(..len).unwrap_or_default());
                    Reading::More
                }
                Err(error) => reading(&error),
            };
        };
        match tls.read_tls(&mut self.stream) {
            Ok(0) => return Reading::Over,
            Ok(_) => {}
            Err(error) => return reading(&error),
        }
        if tls.process_new_packets().is_err() {
            // The alert that says why.
            let _ = tls.write_tls(&mut self.stream);
            return Reading::Over;
        }
        loop {
            match tls.reader().read(scratch) {
                Ok(0) => return Reading::Over,
                Ok(len) => {
                    self.input
                        .extend_from_slice(scratch.get(..len).unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Reading::More,
                Err(_) => return Reading::Over,
            }
        }
    }

    /// Puts a message behind what is still to be sent. `false`: too much of that is there already; a message goes whole
    /// or not at all, or the next one could not be found.
    pub(super) fn push(&mut self, message: &[u8]) -> bool {
        if self.output.len() - self.sent + message.len() > MAX_OUTPUT {
            return false;
        }
        self.output.extend_from_slice(message);
        let zeros = [0; 3];
        let zeros = zeros.get(..padding(message.len())).unwrap_or_default();
        self.output.extend_from_slice(zeros);
        true
    }

    /// Sends what the connection takes. `false`: it is over.
    pub(super) fn flush(&mut self) -> bool {
        loop {
            let written = match &mut self.tls {
                None => {
                    let left = self.output.get(self.sent..).unwrap_or_default();
                    if left.is_empty() {
                        break;
                    }
                    self.stream.write(left).map(|len| self.sent += len)
                }
                Some(tls) if tls.wants_write() => tls.write_tls(&mut self.stream).map(|_| ()),
                Some(tls) => {
                    let left = self.output.get(self.sent..).unwrap_or_default();
                    if left.is_empty() {
                        break;
                    }
                    let record = left.get(..TLS_RECORD).unwrap_or(left);
                    tls.writer().write(record).map(|len| self.sent += len)
                }
            };
            match written {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => return false,
            }
        }
        self.output.clear();
        self.sent = 0;
        true
    }

    /// Says farewell.
    pub(super) fn end(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = tls.write_tls(&mut self.stream);
        }
    }
}

fn reading(error: &io::Error) -> Reading {
    match error.kind() {
        io::ErrorKind::WouldBlock => Reading::Drained,
        io::ErrorKind::Interrupted => Reading::More,
        _ => Reading::Over,
    }
}

const IDLE: Duration = Duration::from_secs(30);
/// For the handshake of TLS and the first message, which every client sends at once.
const SILENCE: Duration = Duration::from_secs(10);
/// A second of 2 Mbit/s: whoever takes less for longer loses messages, as on any slow path.
const MAX_OUTPUT: usize = 256 << 10;
/// RFC 8446 §5.1.
const TLS_RECORD: usize = 16_384;
