//! Both backends against real loopback sockets, and the kernel's refusals.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use xrtc_rtp::Time;
use xrtc_sfu::{Batch, Class, Path, PeerId, Tag};

use super::{Backend, Cursor, Outgoing, ReceiveBuffer, SendBuffer, Sent, Share, Socket};
use crate::SocketCounters;
use crate::counters::Counters;

struct Bench {
    socket: Socket,
    counters: Arc<Counters>,
    received: ReceiveBuffer,
    sent: SendBuffer,
}

impl Bench {
    fn new(address: &str, backend: Backend) -> Self {
        let counters = Arc::new(Counters::default());
        let socket = Socket::bind(
            address.parse().unwrap(),
            Share::Alone,
            backend,
            Arc::clone(&counters),
        )
        .unwrap();
        Self {
            socket,
            counters,
            received: ReceiveBuffer::new(),
            sent: SendBuffer::new(),
        }
    }

    fn send(&mut self, batch: &Batch) -> Sent {
        let out = Outgoing {
            batch,
            now: Time::ZERO,
        };
        self.socket
            .send(&out, &mut Cursor::default(), &mut self.sent)
    }

    /// Receives until `count` datagrams are there.
    fn receive(&mut self, count: usize) -> Vec<(Path, Vec<u8>)> {
        let mut datagrams = Vec::new();
        let mut poll = mio::Poll::new().unwrap();
        let mut events = mio::Events::with_capacity(1);
        poll.registry()
            .register(self.socket.source(), mio::Token(0), mio::Interest::READABLE)
            .unwrap();
        while datagrams.len() < count {
            let more = self.socket.receive(&mut self.received);
            self.received
                .for_each(|path, datagram| datagrams.push((path, datagram.to_vec())));
            if !more && datagrams.len() < count {
                poll.poll(&mut events, Some(Duration::from_secs(5)))
                    .unwrap();
            }
        }
        poll.registry().deregister(self.socket.source()).unwrap();
        datagrams
    }

    fn counters(&self) -> SocketCounters {
        self.counters.snapshot()
    }
}

/// A batch of datagrams of these sizes, the `n`th one filled with `n`.
fn batch(path: Path, sizes: &[usize]) -> Batch {
    let mut batch = Batch::with_capacity(64 * 1024);
    for (number, size) in sizes.iter().enumerate() {
        batch.space().unwrap()[..*size].fill(number as u8);
        batch.commit(
            path,
            Tag {
                peer: PeerId(1),
                class: Class::Video,
            },
            *size,
        );
    }
    batch
}

fn other_end(address: &str) -> (UdpSocket, SocketAddr) {
    #[expect(clippy::disallowed_methods, reason = "the other end of a test")]
    let socket = UdpSocket::bind(address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn expect_datagrams(client: &UdpSocket, sizes: &[usize]) {
    let mut buffer = [0; 2048];
    for (number, size) in sizes.iter().enumerate() {
        let len = client.recv(&mut buffer).unwrap();
        assert_eq!(len, *size);
        assert!(buffer[..len].iter().all(|byte| *byte == number as u8));
    }
}

const SIZES: [usize; 9] = [1200, 1200, 1200, 700, 60, 60, 1500, 1, 1200];

fn backends() -> impl Iterator<Item = (Backend, &'static str)> {
    let both = [Backend::Native, Backend::Portable];
    both.into_iter()
        .flat_map(|backend| [(backend, "127.0.0.1:0"), (backend, "[::1]:0")])
}

#[test]
fn trains_arrive_as_the_datagrams_they_are_made_of() {
    for (backend, address) in backends() {
        let mut bench = Bench::new(address, backend);
        let (client, remote) = other_end(address);
        let path = Path::udp(bench.socket.local(), remote);
        assert_eq!(bench.send(&batch(path, &SIZES)), Sent::All);
        expect_datagrams(&client, &SIZES);
        let counters = bench.counters();
        assert_eq!(counters.datagrams_sent, SIZES.len() as u64);
        assert_eq!(counters.bytes_sent, SIZES.iter().sum::<usize>() as u64);
        assert_eq!((counters.send_errors, counters.datagrams_oversize), (0, 0));
        if cfg!(target_os = "linux") && backend == Backend::Native {
            assert_eq!((counters.trains_sent, counters.send_batches), (3, 1));
        }
    }
}

#[test]
fn what_is_received_has_its_path_and_its_size() {
    for (sender, address) in backends() {
        for receiver in [Backend::Native, Backend::Portable] {
            let mut from = Bench::new(address, sender);
            let mut to = Bench::new(address, receiver);
            let path = Path::udp(from.socket.local(), to.socket.local());
            from.send(&batch(path, &SIZES));
            let received = to.receive(SIZES.len());
            let back = Path::udp(path.remote, path.local);
            for (number, (path, datagram)) in received.iter().enumerate() {
                assert_eq!((*path, datagram.len()), (back, SIZES[number]));
                assert!(datagram.iter().all(|byte| *byte == number as u8));
            }
            assert_eq!(to.counters().datagrams_received, SIZES.len() as u64);
            assert_eq!(to.counters().datagrams_truncated, 0);
        }
    }
}

#[test]
fn more_than_one_system_call_can_carry_goes_out_in_order() {
    for (backend, address) in backends() {
        let mut bench = Bench::new(address, backend);
        let (client, remote) = other_end(address);
        let path = Path::udp(bench.socket.local(), remote);
        // Sizes that grow: every datagram is a train of its own.
        let sizes: Vec<usize> = (1..=150).collect();
        assert_eq!(bench.send(&batch(path, &sizes)), Sent::All);
        expect_datagrams(&client, &sizes);
    }
}

#[test]
fn trains_of_the_other_family_are_left_alone() {
    for backend in [Backend::Native, Backend::Portable] {
        let mut bench = Bench::new("127.0.0.1:0", backend);
        let (client, remote) = other_end("127.0.0.1:0");
        let (other, other_remote) = other_end("[::1]:0");
        other.set_nonblocking(true).unwrap();
        let local = bench.socket.local();
        let mut batch = batch(Path::udp(local, other_remote), &[100]);
        batch.space().unwrap()[..100].fill(0);
        batch.commit(
            Path::udp(local, remote),
            Tag {
                peer: PeerId(2),
                class: Class::Audio,
            },
            100,
        );
        assert_eq!(bench.send(&batch), Sent::All);
        expect_datagrams(&client, &[100]);
        assert!(other.recv(&mut [0; 100]).is_err());
        assert_eq!(bench.counters().datagrams_sent, 1);
    }
}

#[test]
fn a_datagram_that_cannot_go_is_counted_and_stops_no_other() {
    for backend in [Backend::Native, Backend::Portable] {
        let mut bench = Bench::new("127.0.0.1:0", backend);
        let (client, remote) = other_end("127.0.0.1:0");
        let local = bench.socket.local();
        // From a loopback socket there is no way to a stranger.
        let stranger = Path::udp(local, "203.0.113.1:9".parse().unwrap());
        let mut batch = batch(stranger, &[300]);
        batch.space().unwrap()[..10].fill(0);
        batch.commit(
            Path::udp(local, remote),
            Tag {
                peer: PeerId(2),
                class: Class::Audio,
            },
            10,
        );
        assert_eq!(bench.send(&batch), Sent::All);
        expect_datagrams(&client, &[10]);
        assert_eq!(
            (
                bench.counters().send_errors,
                bench.counters().datagrams_sent
            ),
            (1, 1)
        );
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::AsRawFd;
    use std::sync::mpsc;
    use std::thread;

    use super::super::set_option;
    use super::*;
    use crate::own_network::{in_own_network, run};

    #[test]
    fn replies_leave_from_the_address_that_was_asked() {
        for (bound, asked, from) in [
            ("0.0.0.0:0", "127.0.0.77", "127.0.0.1:0"),
            ("127.0.0.77:0", "127.0.0.77", "127.0.0.1:0"),
            ("[::]:0", "::1", "[::1]:0"),
        ] {
            let mut bench = Bench::new(bound, Backend::Native);
            let (client, remote) = other_end(from);
            let server = SocketAddr::new(asked.parse().unwrap(), bench.socket.local().port());
            client.send_to(b"?", server).unwrap();
            let path = bench.receive(1)[0].0;
            assert_eq!(path, Path::udp(server, remote));
            bench.send(&batch(path, &[5, 5]));
            let mut buffer = [0; 16];
            for _ in 0..2 {
                assert_eq!(client.recv_from(&mut buffer).unwrap(), (5, server));
            }
        }
    }

    #[test]
    fn a_route_that_does_not_segment_costs_one_refusal_and_loses_nothing() {
        let mut bench = Bench::new("127.0.0.1:0", Backend::Native);
        let (client, remote) = other_end("127.0.0.1:0");
        let path = Path::udp(bench.socket.local(), remote);
        refuse_to_segment(&mut bench, true);
        for _ in 0..2 {
            bench.send(&batch(path, &[500, 500, 500, 20]));
            expect_datagrams(&client, &[500, 500, 500, 20]);
        }
        let counters = bench.counters();
        assert_eq!((counters.trains_split, counters.trains_sent), (1, 0));
        assert_eq!((counters.datagrams_sent, counters.send_errors), (8, 0));
    }

    #[test]
    fn a_route_that_does_not_segment_leaves_the_others_their_trains() {
        let mut bench = Bench::new("127.0.0.1:0", Backend::Native);
        let (plain, other) = (other_end("127.0.0.2:0"), other_end("127.0.0.3:0"));
        let local = bench.socket.local();
        let send = |bench: &mut Bench, (client, remote): &(UdpSocket, SocketAddr)| {
            bench.send(&batch(Path::udp(local, *remote), &[500, 500, 20]));
            expect_datagrams(client, &[500, 500, 20]);
            (bench.counters().trains_split, bench.counters().trains_sent)
        };
        refuse_to_segment(&mut bench, true);
        assert_eq!(send(&mut bench, &plain), (1, 0));
        refuse_to_segment(&mut bench, false);
        assert_eq!(send(&mut bench, &other), (1, 1));
        assert_eq!(send(&mut bench, &plain), (1, 1));
        // Long after, the way may be another.
        let later = batch(Path::udp(local, plain.1), &[500, 500, 20]);
        let out = Outgoing {
            batch: &later,
            now: Time::from_millis(301_000),
        };
        let mut cursor = Cursor::default();
        bench.socket.send(&out, &mut cursor, &mut bench.sent);
        expect_datagrams(&plain.0, &[500, 500, 20]);
        assert_eq!(bench.counters().trains_sent, 2);
    }

    /// The kernel refuses to segment what it must not sum (EINVAL), as it does for some tunnels (EIO).
    fn refuse_to_segment(bench: &mut Bench, refuse: bool) {
        set(bench, libc::SOL_SOCKET, libc::SO_NO_CHECK, refuse.into());
    }

    fn set(bench: &mut Bench, level: libc::c_int, option: libc::c_int, value: libc::c_int) {
        set_option(bench.socket.source().as_raw_fd(), level, option, value).unwrap();
    }

    #[test]
    fn what_is_too_large_for_its_route_is_counted_and_disables_nothing() {
        in_own_network(&["ip link set lo mtu 1280 up"], || {
            let mut bench = Bench::new("127.0.0.1:0", Backend::Native);
            let (client, remote) = other_end("127.0.0.1:0");
            let path = Path::udp(bench.socket.local(), remote);
            let mtu_discover = libc::IP_MTU_DISCOVER;
            set(
                &mut bench,
                libc::IPPROTO_IP,
                mtu_discover,
                libc::IP_PMTUDISC_DO,
            );
            bench.send(&batch(path, &[1400, 1400, 1400, 700]));
            let mut buffer = [0; 2048];
            // Only the last one of the train fits.
            assert_eq!(client.recv(&mut buffer).unwrap(), 700);
            let counters = bench.counters();
            assert_eq!((counters.trains_split, counters.datagrams_oversize), (1, 3));
            assert_eq!((counters.datagrams_sent, counters.send_errors), (1, 0));
            bench.send(&batch(path, &[1000, 1000, 1000]));
            expect_datagrams(&client, &[1000, 1000, 1000]);
            assert_eq!(
                (bench.counters().trains_split, bench.counters().trains_sent),
                (1, 1)
            );
        });
    }

    #[test]
    fn an_oversize_train_goes_in_fragments_and_disables_nothing() {
        in_own_network(&["ip link set lo mtu 1280 up"], || {
            let mut bench = Bench::new("127.0.0.1:0", Backend::Native);
            let (client, remote) = other_end("127.0.0.1:0");
            let path = Path::udp(bench.socket.local(), remote);
            bench.send(&batch(path, &[1400, 1400, 1400]));
            expect_datagrams(&client, &[1400, 1400, 1400]);
            assert_eq!(
                (bench.counters().trains_split, bench.counters().trains_sent),
                (1, 0)
            );
            bench.send(&batch(path, &[1000, 1000, 1000]));
            expect_datagrams(&client, &[1000, 1000, 1000]);
            assert_eq!(
                (bench.counters().trains_split, bench.counters().trains_sent),
                (1, 1)
            );
        });
    }

    #[test]
    fn trains_cross_a_cable_at_any_mtu_and_where_the_device_takes_none() {
        for (mtu, device, split) in [
            (1500, "ip link set near mtu 1500 up", 0),
            (1280, "ip link set near mtu 1280 up", 1),
            // Segmentation is left to the kernel, as with an offload that was switched off.
            (1500, "ip link set near mtu 1500 gso_max_segs 1 up", 0),
        ] {
            let (far_thread, told_thread) = mpsc::channel();
            let (plugged, told_plugged) = mpsc::channel();
            let (far_address, told_address) = mpsc::channel();
            let far = move || {
                // PID/task/TID
                let path = std::fs::read_link("/proc/thread-self").unwrap();
                let thread = path.file_name().unwrap().to_str().unwrap().to_owned();
                far_thread.send(thread).unwrap();
                told_plugged.recv_timeout(LIMIT).unwrap();
                run("ip addr add 10.9.0.2/24 dev far");
                run(&format!("ip link set far mtu {mtu} up"));
                let (client, remote) = other_end("10.9.0.2:0");
                far_address.send(remote).unwrap();
                expect_datagrams(&client, &[1200, 1200, 1200, 700]);
                expect_datagrams(&client, &[1400, 1400, 1400]);
            };
            let near = move || {
                let far = told_thread.recv_timeout(LIMIT).unwrap();
                run(&format!("ip link set far netns {far}"));
                run(device);
                plugged.send(()).unwrap();
                let mut bench = Bench::new("10.9.0.1:0", Backend::Native);
                let remote = told_address.recv_timeout(LIMIT).unwrap();
                let path = Path::udp(bench.socket.local(), remote);
                bench.send(&batch(path, &[1200, 1200, 1200, 700]));
                bench.send(&batch(path, &[1400, 1400, 1400]));
                let counters = bench.counters();
                assert_eq!((counters.datagrams_sent, counters.send_errors), (7, 0));
                assert_eq!(
                    (counters.trains_sent, counters.trains_split),
                    (2 - split, split)
                );
            };
            thread::scope(|scope| {
                scope.spawn(|| in_own_network(&[], far));
                let cable = [
                    "ip link add near type veth peer name far",
                    "ip addr add 10.9.0.1/24 dev near",
                ];
                in_own_network(&cable, near);
            });
        }
    }

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn a_full_socket_is_blocked_and_goes_on_where_it_was() {
        let slow = [
            "ip link set lo up",
            "tc qdisc add dev lo root tbf rate 4mbit burst 4kb latency 10s",
        ];
        in_own_network(&slow, || {
            let mut bench = Bench::new("127.0.0.1:0", Backend::Native);
            let (client, remote) = other_end("127.0.0.1:0");
            socket2::SockRef::from(&*bench.socket.source())
                .set_send_buffer_size(4096)
                .unwrap();
            let path = Path::udp(bench.socket.local(), remote);
            // Datagrams alone, and a train that goes in pieces.
            refuse_to_segment(&mut bench, true);
            let mut sizes: Vec<usize> = (0..20).map(|number| 900 + number).collect();
            sizes.extend([700; Batch::MAX_TRAIN]);
            let batch = batch(path, &sizes);
            let out = Outgoing {
                batch: &batch,
                now: Time::ZERO,
            };
            let mut cursor = Cursor::default();
            let mut poll = mio::Poll::new().unwrap();
            let mut events = mio::Events::with_capacity(1);
            poll.registry()
                .register(
                    bench.socket.source(),
                    mio::Token(0),
                    mio::Interest::WRITABLE,
                )
                .unwrap();
            let (mut blocked, mut inside) = (0, false);
            while bench.socket.send(&out, &mut cursor, &mut bench.sent) == Sent::Blocked {
                blocked += 1;
                inside |= cursor.split.is_some() && cursor.offset > 0;
                poll.poll(&mut events, Some(Duration::from_secs(5)))
                    .unwrap();
            }
            assert!(blocked > 0 && inside);
            expect_datagrams(&client, &sizes);
            assert_eq!(bench.counters().datagrams_sent, sizes.len() as u64);
            assert_eq!(bench.counters().trains_split, 1);
        });
    }
}
