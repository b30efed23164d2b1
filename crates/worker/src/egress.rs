//! From the state machine's send slab to the sockets, with patience for a socket that takes no more.

use std::time::Duration;

use xrtc_rtp::Time;
use xrtc_sfu::{Batch, Class, Sfu};

use crate::own_sockets::OwnSockets;
use crate::tcp::Connections;
use crate::udp::{Cursor, Outgoing, SendBuffer, Sent, Socket};

/// What is on its way out. While a socket takes no more, nothing new is taken from the state machine: what waits
/// there is sent from its caches later, in order, and what waits here is at most one slab.
pub(crate) struct Egress {
    batch: Batch,
    /// How far each socket has come, by its number.
    cursors: [Cursor; MAX_SOCKETS],
    /// Until when the sockets may take what is left; `None`: none of them is blocked.
    blocked: Option<Time>,
    /// The video that was left has been given up.
    without_video: bool,
    /// The state machine had more than a slab takes.
    has_more: bool,
    buffer: SendBuffer,
}

impl Egress {
    pub(crate) fn new() -> Self {
        Self {
            batch: Batch::with_capacity(SLAB_BYTES),
            cursors: [Cursor::default(); MAX_SOCKETS],
            blocked: None,
            without_video: false,
            has_more: false,
            buffer: SendBuffer::new(),
        }
    }

    /// Sends what the state machine has, but no more than a slab of it: the caller looks first what has come in
    /// meanwhile, so that a viewer whose turn is still to come gets that with it.
    pub(crate) fn transmit(
        &mut self,
        now: Time,
        sfu: &mut Sfu,
        (sockets, own): (&mut [Socket], &mut OwnSockets),
        tcp: &mut Connections,
    ) {
        if self.flush(now, sfu, (sockets, own)) {
            self.has_more = sfu.poll_transmit(now, &mut self.batch);
            // At once, since each connection has a backlog of its own.
            tcp.send(now, &self.batch, |tag, left| {
                sfu.transmit_dropped(now, tag, left)
            });
            self.flush(now, sfu, (sockets, own));
        }
    }

    /// Whether [`Self::transmit`] has more to do at once.
    pub(crate) const fn has_more(&self) -> bool {
        self.has_more && !self.is_blocked()
    }

    /// Whether a socket must become writable before there is anything to do.
    pub(crate) const fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// When patience with a blocked socket ends.
    pub(crate) const fn poll_timeout(&self) -> Option<Time> {
        self.blocked
    }

    fn clear(&mut self) {
        self.batch.clear();
        self.cursors = [Cursor::default(); MAX_SOCKETS];
        self.blocked = None;
        self.without_video = false;
    }

    /// Forgets everything, for a new state machine.
    pub(crate) fn reset(&mut self) {
        self.clear();
        self.has_more = false;
    }

    /// Sends the rest of the slab. `false`: not all of it.
    fn flush(
        &mut self,
        now: Time,
        sfu: &mut Sfu,
        (sockets, own): (&mut [Socket], &mut OwnSockets),
    ) -> bool {
        if self.batch.is_empty() {
            return true;
        }
        if self.blocked.is_some_and(|until| until <= now) {
            self.give_up(now, sfu, (sockets, own));
        }
        if self.send(now, sockets, own) {
            self.clear();
            own.rewind();
            return true;
        }
        self.blocked.get_or_insert(now + PATIENCE);
        false
    }

    fn send(&mut self, now: Time, sockets: &mut [Socket], own: &mut OwnSockets) -> bool {
        let out = Outgoing {
            batch: &self.batch,
            now,
        };
        let mut all = own.send(&out, &mut self.buffer);
        for (socket, cursor) in sockets.iter_mut().zip(&mut self.cursors) {
            all &= socket.send(&out, cursor, &mut self.buffer) == Sent::All;
        }
        all
    }

    /// Drops the video that is left, which is most of it and what a key frame repairs; the rest may wait as long
    /// again, and then goes too.
    fn give_up(&mut self, now: Time, sfu: &mut Sfu, (sockets, own): (&[Socket], &mut OwnSockets)) {
        if self.without_video {
            self.drop_rest(now, sfu, (sockets, own), |class| class != Class::Video);
            self.clear();
            own.rewind();
            return;
        }
        self.drop_rest(now, sfu, (sockets, own), |class| class == Class::Video);
        own.skip_video(&self.batch);
        for cursor in &mut self.cursors {
            cursor.skip_video(&self.batch);
        }
        self.without_video = true;
        self.blocked = None;
    }

    fn drop_rest(
        &self,
        now: Time,
        sfu: &mut Sfu,
        (sockets, own): (&[Socket], &OwnSockets),
        drops: impl Fn(Class) -> bool,
    ) {
        let mut dropped = |tag, left| sfu.transmit_dropped(now, tag, left);
        for (socket, cursor) in sockets.iter().zip(&self.cursors) {
            socket.drop_rest(&self.batch, *cursor, &drops, &mut dropped);
        }
        own.drop_rest(&self.batch, &drops, &mut dropped);
    }
}

/// How long what a socket does not take is kept.
const PATIENCE: Duration = Duration::from_millis(50);
/// About 100 full datagrams, or as many microseconds: so often the sockets are read meanwhile.
const SLAB_BYTES: usize = 128 * 1024;
/// One for each address family.
pub(crate) const MAX_SOCKETS: usize = 2;

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::UdpSocket;
    use std::sync::Arc;
    use std::time::Instant;

    use xrtc_rtp::WallClock;
    use xrtc_sfu::{OwnerKey, Path, PeerId, SfuConfig, Tag};
    use xrtc_transport::{Certificate, DtlsSettings, DtlsVersion};

    use super::*;
    use crate::counters::Counters;
    use crate::own_network::in_own_network;
    use crate::udp::Share;
    use crate::{Backend, ServerConfig};

    #[expect(
        clippy::disallowed_methods,
        reason = "an origin for a state machine without peers"
    )]
    fn sfu() -> Sfu {
        let certificate = Certificate::generate().unwrap();
        let dtls = DtlsSettings::new(certificate, DtlsVersion::V12, Instant::now());
        let config = SfuConfig::new(
            Arc::new(dtls),
            Arc::new(OwnerKey::new(&[0; 32])),
            Vec::new(),
            WallClock::default(),
        );
        Sfu::new(config, [0; 32], Time::ZERO)
    }

    fn write(egress: &mut Egress, path: Path, class: Class, count: usize) {
        for _ in 0..count {
            egress.batch.space().unwrap()[..1000].fill(class as u8);
            egress.batch.commit(
                path,
                Tag {
                    peer: PeerId(1),
                    class,
                },
                1000,
            );
        }
    }

    #[test]
    fn what_a_socket_does_not_take_waits_50_ms_and_then_goes_without_its_video() {
        let slow = [
            "ip link set lo up",
            "tc qdisc add dev lo root tbf rate 4mbit burst 4kb latency 10s",
        ];
        in_own_network(&slow, || {
            let counters = Arc::new(Counters::default());
            let socket = Socket::bind(
                "127.0.0.1:0".parse().unwrap(),
                Share::Alone,
                Backend::Native,
                Arc::clone(&counters),
            );
            let mut sockets = [socket.unwrap()];
            let kernel = socket2::SockRef::from(&*sockets[0].source());
            kernel.set_send_buffer_size(8192).unwrap();
            #[expect(clippy::disallowed_methods, reason = "the other end of a test")]
            let client = UdpSocket::bind("127.0.0.1:0").unwrap();
            client
                .set_read_timeout(Some(Duration::from_secs(5)))
                .unwrap();
            let path = Path::udp(sockets[0].local(), client.local_addr().unwrap());
            let (mut sfu, mut egress) = (sfu(), Egress::new());
            let mut own = OwnSockets::new(
                &ServerConfig::default(),
                Arc::clone(&counters),
                Arc::default(),
            );
            let mut tcp = Connections::new(None, Arc::clone(&counters));
            write(&mut egress, path, Class::Video, 40);
            write(&mut egress, path, Class::Audio, 1);

            egress.transmit(Time::ZERO, &mut sfu, (&mut sockets, &mut own), &mut tcp);
            assert_eq!(egress.poll_timeout(), Some(Time::from_millis(50)));
            egress.transmit(
                Time::from_millis(49),
                &mut sfu,
                (&mut sockets, &mut own),
                &mut tcp,
            );
            assert!(egress.is_blocked());
            egress.transmit(
                Time::from_millis(50),
                &mut sfu,
                (&mut sockets, &mut own),
                &mut tcp,
            );
            while egress.is_blocked() {
                kernel_has_room(&mut sockets[0]);
                egress.transmit(
                    Time::from_millis(60),
                    &mut sfu,
                    (&mut sockets, &mut own),
                    &mut tcp,
                );
            }
            let snapshot = counters.snapshot();
            assert!(snapshot.send_dropped > 0, "{snapshot:?}");
            assert_eq!(snapshot.datagrams_sent + snapshot.send_dropped, 41);

            let mut heard = (0, 0);
            let mut buffer = [0; 2000];
            while heard.1 == 0 {
                let len = client.recv(&mut buffer).unwrap();
                assert_eq!(len, 1000);
                if buffer[0] == Class::Audio as u8 {
                    heard.1 += 1
                } else {
                    heard.0 += 1
                }
            }
            assert_eq!(heard.0 + heard.1, snapshot.datagrams_sent);
        });
    }

    fn kernel_has_room(socket: &mut Socket) {
        let mut poll = mio::Poll::new().unwrap();
        poll.registry()
            .register(socket.source(), mio::Token(0), mio::Interest::WRITABLE)
            .unwrap();
        let mut events = mio::Events::with_capacity(1);
        poll.poll(&mut events, Some(Duration::from_secs(5)))
            .unwrap();
        poll.registry().deregister(socket.source()).unwrap();
    }
}
