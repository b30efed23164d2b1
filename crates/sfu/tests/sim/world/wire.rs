//! What goes over the network, and a trace of it.

use std::collections::VecDeque;

use xrtc_netem::Link;
use xrtc_rtp::Time;
use xrtc_sfu::{Path, WorkerId};

use super::{Packet, STRANGERS, World};

impl World {
    pub(super) fn deliver(&mut self) {
        for index in 0..self.ends.len() {
            while let Some((path, mut datagram)) = self.ends[index].up.poll_deliver(self.now) {
                self.deliver_up(path, &mut datagram);
            }
            while let Some((path, mut datagram)) = self.ends[index].down.poll_deliver(self.now) {
                if !self.ends[index].is_gone {
                    self.ends[index]
                        .browser
                        .handle_datagram(self.now, path, &mut datagram);
                }
            }
        }
    }

    /// Moves everything that waits: between workers, to the application and onto the network.
    pub(crate) fn flush(&mut self) {
        loop {
            let mut moved = false;
            for index in 0..self.workers.len() {
                while let Some((from, message)) = self.workers[index].inbox.pop_front() {
                    let (sfu, mut message) = (&mut self.workers[index].sfu, Some(message));
                    (self.meter)(&mut || {
                        if let Some(message) = message.take() {
                            sfu.handle_relay(self.now, from, message);
                        }
                    });
                    moved = true;
                }
                moved |= self.take_detoured(index);
            }
            for index in 0..self.workers.len() {
                self.flush_worker(index);
            }
            moved |= self.workers.iter().any(|worker| !worker.inbox.is_empty());
            if !moved {
                break;
            }
        }
        self.flush_browsers();
    }

    fn flush_worker(&mut self, index: usize) {
        let now = self.now;
        let from = WorkerId(index as u16);
        loop {
            let mut next = None;
            (self.meter)(&mut || next = self.workers[index].sfu.poll_relay(now));
            let Some((to, message)) = next else { break };
            let target = &mut self.workers[usize::from(to.0)];
            if target.inbox.len() < target.inbox_limit {
                target.inbox.push_back((from, message));
            } else {
                self.workers[index].sfu.relay_refused(now, to, message);
            }
        }
        while let Some(event) = self.workers[index].sfu.poll_event() {
            note(&mut self.trace, now, || {
                format!("worker {index}: {event:?}")
            });
            self.events.push((index, event));
        }
        loop {
            let mut has_more = false;
            (self.meter)(&mut || {
                has_more = self.workers[index].sfu.poll_transmit(now, &mut self.batch);
            });
            for train in self.batch.trains() {
                let to = self
                    .ends
                    .iter_mut()
                    .rev()
                    .find(|end| end.nat == train.path.remote && !end.is_gone);
                let Some(end) = to else {
                    if train.path.remote.ip() == STRANGERS {
                        self.to_strangers += train.datagrams().map(<[u8]>::len).sum::<usize>();
                    }
                    continue;
                };
                let path = Path::udp(end.browser.address(), train.path.local);
                for datagram in train.datagrams() {
                    let sent = send(&mut end.down, now, (path, datagram.to_vec()));
                    note(&mut self.trace, now, || {
                        format!("to   {} {}{sent}", path.local, describe(datagram))
                    });
                }
            }
            self.batch.clear();
            if !has_more {
                break;
            }
        }
    }

    fn flush_browsers(&mut self) {
        let mut buffer = [0; 1_500];
        for end in self.ends.iter_mut().filter(|end| !end.is_gone) {
            while let Some(transmit) = end.browser.poll_transmit(self.now, &mut buffer) {
                let path = Path::udp(transmit.path.remote, end.nat);
                let datagram = &buffer[..transmit.len];
                let sent = send(&mut end.up, self.now, (path, datagram.to_vec()));
                note(&mut self.trace, self.now, || {
                    format!("from {} {}{sent}", path.remote, describe(datagram))
                });
            }
        }
    }
}

/// Puts a datagram on a link; says if it was lost at once.
fn send(link: &mut Link<Packet>, now: Time, packet: Packet) -> &'static str {
    let before = link.counters().lost;
    link.send(now, packet.1.len() + 28, packet);
    if link.counters().lost > before {
        " LOST"
    } else {
        ""
    }
}

/// Keeps a line for the case of failure, if anybody wants it.
fn note(trace: &mut Option<VecDeque<String>>, now: Time, line: impl FnOnce() -> String) {
    let Some(trace) = trace else { return };
    if trace.len() == 200_000 {
        trace.pop_front();
    }
    trace.push_back(format!(
        "{:>9.3} {}",
        now.as_micros() as f64 / 1_000.0,
        line()
    ));
}

/// A datagram as far as it can be read from outside.
fn describe(datagram: &[u8]) -> String {
    let len = datagram.len();
    match datagram {
        [0..=3, ..] => format!("STUN {len}"),
        [20..=63, ..] => format!("DTLS {len}"),
        [128..=255, 192..=223, ..] => format!("RTCP {len}"),
        &[_, second, high, low, _, _, _, _, a, b, c, d, ..] => format!(
            "RTP {:08x} pt {} seq {}{}, {len}",
            u32::from_be_bytes([a, b, c, d]),
            second & 0x7f,
            u16::from_be_bytes([high, low]),
            if second & 0x80 == 0 { "" } else { " M" }
        ),
        _ => format!("{len} bytes"),
    }
}
