//! The adapter around `dimpl`: our clock, our limits, and no key before the fingerprint was checked.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use dimpl::{Error, Output, SecurityError, SrtpProfile};
use xrtc_rtp::Time;
use xrtc_srtp::{KeyingMaterial, Profile};

use crate::config::{DtlsRole, DtlsSettings, DtlsVersion, RemoteDtls};
use crate::discard::{Counters, Discard};
use crate::ended::Ended;
use crate::fingerprint::Fingerprint;
use crate::limits::{
    DTLS_MTU, HANDSHAKE_TIMEOUT, MAX_FINGERPRINTS, MAX_HANDSHAKE_BYTES, MAX_OUTGOING_DATAGRAMS,
};
use crate::reassembly::Reassembly;
use crate::rsa::ask_for_rsa;

/// One DTLS association. It stays after the handshake: to repeat the last flight, and to say or hear goodbye.
pub(crate) struct Dtls {
    /// Boxed for its size, 3.4 kB.
    engine: Box<dimpl::Dtls>,
    epoch: Instant,
    role: DtlsRole,
    fingerprints: Vec<Fingerprint>,
    /// The peer's certificate has one of the fingerprints.
    verified: bool,
    handshake_complete: bool,
    /// From the exporter; taken once the two above hold.
    keys: Option<KeyingMaterial>,
    /// Bytes that the peer has sent before the handshake was complete.
    handshake_bytes: usize,
    reassembly: Reassembly,
    outgoing: VecDeque<Box<[u8]>>,
    timeout: Option<Time>,
    /// When an incomplete handshake is given up. The engine's own clock begins with the first message only.
    deadline: Time,
}

/// What a call has led to.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Nothing new.
    None,
    /// The handshake is complete with the peer that we expect; these are the media's keys.
    Connected(KeyingMaterial),
    /// The association is over; what is left to send may be a goodbye.
    Ended(Ended),
}

impl Dtls {
    /// An association that has not begun. A client begins with the first [`Self::handle_timeout`].
    pub(crate) fn new(
        settings: &DtlsSettings,
        remote: &RemoteDtls,
        rtt: Option<Duration>,
        now: Time,
    ) -> Self {
        let epoch = settings.epoch;
        let config = settings.config(remote.role, rtt);
        let certificate = settings.certificate.dtls.clone();
        let mut engine = Box::new(match settings.version {
            DtlsVersion::V12 => dimpl::Dtls::new_12(config, certificate, instant(epoch, now)),
            DtlsVersion::Auto => dimpl::Dtls::new_auto(config, certificate, instant(epoch, now)),
        });
        engine.set_active(remote.role == DtlsRole::Client);
        Self {
            engine,
            epoch,
            role: remote.role,
            fingerprints: remote
                .fingerprints
                .iter()
                .take(MAX_FINGERPRINTS)
                .cloned()
                .collect(),
            verified: false,
            handshake_complete: false,
            keys: None,
            handshake_bytes: 0,
            reassembly: Reassembly::default(),
            outgoing: VecDeque::new(),
            timeout: None,
            deadline: now + HANDSHAKE_TIMEOUT,
        }
    }

    pub(crate) fn role(&self) -> DtlsRole {
        self.role
    }

    pub(crate) fn handle_datagram(
        &mut self,
        now: Time,
        datagram: &[u8],
        counters: &mut Counters,
    ) -> Progress {
        if self.handshake_complete {
            return self.feed(now, datagram, counters);
        }
        let bytes = self.handshake_bytes + datagram.len();
        if bytes > MAX_HANDSHAKE_BYTES {
            counters.count(Discard::TooMuchHandshake);
            return Progress::None;
        }
        self.handshake_bytes = bytes;
        let datagram = self.reassembly.take(datagram);
        if datagram.is_empty() {
            return Progress::None;
        }
        if self.is_premature(&datagram) {
            counters.count(Discard::HandshakeOutOfOrder);
            return Progress::None;
        }
        self.feed(now, &datagram, counters)
    }

    fn feed(&mut self, now: Time, datagram: &[u8], counters: &mut Counters) -> Progress {
        // The engine's clock must stand at the datagram's arrival.
        let instant = instant(self.epoch, now);
        let handled = self
            .engine
            .handle_timeout(instant)
            .and_then(|()| self.engine.handle_packet(datagram));
        self.progress(now, handled, counters)
    }

    /// A client of either version gives up if the first thing it hears is not the server's first message, which says
    /// the version. Anything else is dropped until then; the server will send it again.
    fn is_premature(&self, datagram: &[u8]) -> bool {
        let is_undecided =
            self.role == DtlsRole::Client && self.engine.protocol_version().is_none();
        is_undecided
            && match datagram {
                [ALERT, ..] => false,
                [HANDSHAKE, ..] => !matches!(
                    datagram.get(13),
                    Some(&SERVER_HELLO | &HELLO_VERIFY_REQUEST)
                ),
                _ => true,
            }
    }

    pub(crate) fn handle_timeout(&mut self, now: Time, counters: &mut Counters) -> Progress {
        if !self.handshake_complete && now >= self.deadline {
            return Progress::Ended(Ended::DtlsTimeout);
        }
        let handled = self.engine.handle_timeout(instant(self.epoch, now));
        self.progress(now, handled, counters)
    }

    /// Queues a goodbye if the handshake is complete.
    pub(crate) fn close(&mut self, now: Time, counters: &mut Counters) {
        if !self.handshake_complete {
            self.outgoing.clear();
        }
        // What else may come of it does not matter any more.
        if self.engine.close().is_ok() {
            let _ = self.drain(now, counters);
        }
        self.timeout = None;
    }

    /// Copies the next datagram to the start of `out`. It is kept if `out` is too small.
    pub(crate) fn poll_transmit(&mut self, out: &mut [u8]) -> Option<usize> {
        let len = self.outgoing.front()?.len();
        let out = out.get_mut(..len)?;
        out.copy_from_slice(&self.outgoing.pop_front()?);
        if self.outgoing.is_empty() && self.handshake_complete {
            // Hardly anything will ever follow.
            self.outgoing = VecDeque::new();
        }
        Some(len)
    }

    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        let deadline = (!self.handshake_complete).then_some(self.deadline);
        self.timeout.into_iter().chain(deadline).min()
    }

    fn progress(
        &mut self,
        now: Time,
        handled: Result<(), Error>,
        counters: &mut Counters,
    ) -> Progress {
        let drained = handled
            .map_err(|error| ended_by(&error))
            .and_then(|()| self.drain(now, counters));
        match drained.and_then(|progress| self.catch_up(now, progress, counters)) {
            Ok(progress) => progress,
            Err(ended) => {
                self.timeout = None;
                Progress::Ended(ended)
            }
        }
    }

    /// Does at once what is due at once, and then nothing for a while: while a message of a DTLS 1.3 handshake is
    /// missing, `dimpl` 0.9 wants to be called immediately, every time, and each time sends another ACK.
    fn catch_up(
        &mut self,
        now: Time,
        progress: Progress,
        counters: &mut Counters,
    ) -> Result<Progress, Ended> {
        let mut progress = progress;
        if self.timeout.is_some_and(|due| due <= now) {
            self.engine
                .handle_timeout(instant(self.epoch, now))
                .map_err(|error| ended_by(&error))?;
            let next = self.drain(now, counters)?;
            if let Progress::None = progress {
                progress = next;
            }
        }
        self.timeout = self.timeout.map(|due| due.max(now + MIN_INTERVAL));
        Ok(progress)
    }

    /// Fetches all that the engine has to say, which is what it asks for after every call.
    fn drain(&mut self, now: Time, counters: &mut Counters) -> Result<Progress, Ended> {
        // The engine panics if a peer's certificate does not fit. It cannot be longer than all that came.
        let mut buffer = vec![0; self.handshake_bytes.max(MIN_BUFFER)];
        let mut newly_complete = false;
        let mut peer_closed = false;
        loop {
            match self.engine.poll_output(&mut buffer) {
                Output::Packet(datagram) if self.outgoing.len() < MAX_OUTGOING_DATAGRAMS => {
                    let datagram = match self.role {
                        DtlsRole::Server if !self.handshake_complete => ask_for_rsa(datagram),
                        _ => Cow::Borrowed(datagram),
                    };
                    if !datagram.is_empty() {
                        self.outgoing.push_back(datagram.into());
                    }
                }
                Output::BufferTooSmall { needed } => buffer.resize(needed.max(buffer.len() + 1), 0),
                Output::PeerCert(certificate) => {
                    // Before anything of this call is sent or used (RFC 8827 §6.5).
                    self.verified = self.fingerprints.iter().any(|one| one.matches(certificate));
                    self.fingerprints = Vec::new();
                    if !self.verified {
                        self.outgoing.clear();
                        return Err(Ended::FingerprintMismatch);
                    }
                }
                Output::KeyingMaterial(material, profile) => self.keys = keys(&material, profile),
                Output::Connected => newly_complete = true,
                Output::ApplicationData(_) => counters.count(Discard::ApplicationData),
                Output::CloseNotify => peer_closed = true,
                Output::Timeout(at) => {
                    self.timeout = self.time(now, at);
                    break;
                }
                _ => {}
            }
        }
        if peer_closed {
            return Err(Ended::PeerClosed);
        }
        if newly_complete {
            self.handshake_complete = true;
            self.handshake_bytes = 0;
            self.reassembly = Reassembly::default();
            return self.connected().map(Progress::Connected);
        }
        Ok(Progress::None)
    }

    /// The only way for keys to leave.
    fn connected(&mut self) -> Result<KeyingMaterial, Ended> {
        if !self.verified {
            self.outgoing.clear();
            return Err(Ended::UnusableCertificate);
        }
        self.keys.take().ok_or(Ended::NoSrtpProfile)
    }

    /// When the engine wants to be called; an idle one says "in ten years".
    fn time(&self, now: Time, at: Instant) -> Option<Time> {
        let time = Time::ZERO + at.saturating_duration_since(self.epoch);
        (time.since(now) < IDLE).then_some(time)
    }
}

impl fmt::Debug for Dtls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dtls")
            .field("engine", &self.engine)
            .field("role", &self.role)
            .field("verified", &self.verified)
            .field("handshake_complete", &self.handshake_complete)
            .finish_non_exhaustive()
    }
}

fn instant(epoch: Instant, time: Time) -> Instant {
    epoch + Duration::from_nanos(time.as_nanos())
}

fn keys(material: &[u8], profile: SrtpProfile) -> Option<KeyingMaterial> {
    let profile = match profile {
        SrtpProfile::AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
        SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
        SrtpProfile::AES128_CM_SHA1_80 => Profile::Aes128CmSha1_80,
        _ => return None,
    };
    KeyingMaterial::new(profile, material)
}

fn ended_by(error: &Error) -> Ended {
    match error {
        Error::Timeout(_) => Ended::DtlsTimeout,
        Error::SecurityError(SecurityError::FatalAlert { description }) => Ended::DtlsFailed {
            alert: Some(*description),
        },
        Error::CertificateError(_) => Ended::UnusableCertificate,
        _ => Ended::DtlsFailed { alert: None },
    }
}

/// Content types (RFC 6347 §4.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// Message types (RFC 6347 §4.3.2).
const SERVER_HELLO: u8 = 2;
const HELLO_VERIFY_REQUEST: u8 = 3;

/// Room for a datagram of ours and for what else the engine writes.
const MIN_BUFFER: usize = DTLS_MTU + 848;

/// The engine is not called more often than this by its timer; its shortest real timeout is longer.
const MIN_INTERVAL: Duration = Duration::from_millis(50);

/// Timeouts later than this are the engine's way to say "never".
const IDLE: Duration = Duration::from_secs(24 * 60 * 60);
