//! Whether the poller watches a worker's sockets.
//!
//! The kernel looks after a poller whenever one of its sockets has sent a message, whatever it was asked to tell: one
//! twentieth of what a datagram that goes alone costs. A worker that sends much from one sleep to the next is watched for
//! while it sleeps only. What comes meanwhile is not lost: the poller tells of it when it begins to watch again.

use mio::{Interest, Registry, Token};

use crate::udp::Socket;

/// What the poller watches a worker's sockets for.
#[derive(Debug)]
pub(crate) struct Watch {
    /// None: it does not.
    interest: Option<Interest>,
    /// Datagrams that had been sent when the worker woke last.
    sent: u64,
}

impl Watch {
    /// Begins to watch the sockets, for what can be received. They are named by their numbers.
    pub(crate) fn begin(registry: &Registry, sockets: &mut [Socket]) -> std::io::Result<Self> {
        for (number, socket) in sockets.iter_mut().enumerate() {
            registry.register(socket.source(), Token(number), Interest::READABLE)?;
        }
        Ok(Self {
            interest: Some(Interest::READABLE),
            sent: 0,
        })
    }

    /// Before a sleep that the sockets are to end. `false`: they may not, because the system refused to watch one.
    pub(crate) fn resume(
        &mut self,
        registry: &Registry,
        sockets: &mut [Socket],
        interest: Interest,
    ) -> bool {
        if self.interest == Some(interest) {
            return true;
        }
        let begins = self.interest.is_none();
        let mut all = true;
        for (number, socket) in sockets.iter_mut().enumerate() {
            let (source, token) = (socket.source(), Token(number));
            let watched = if begins {
                registry.register(source, token, interest)
            } else {
                registry.reregister(source, token, interest)
            };
            all &= watched.is_ok();
        }
        if all {
            self.interest = Some(interest);
        } else {
            // So that the next attempt begins with all of them.
            self.suspend(registry, sockets);
        }
        all
    }

    /// Nothing of the sockets is to be told for now.
    pub(crate) fn suspend(&mut self, registry: &Registry, sockets: &mut [Socket]) {
        for socket in sockets {
            // One that is not watched is refused, and that is what is wanted.
            let _ = registry.deregister(socket.source());
        }
        self.interest = None;
    }

    /// The worker woke, after `sent` datagrams in all. If it has sent many since it woke before, it will again.
    pub(crate) fn woken(&mut self, registry: &Registry, sockets: &mut [Socket], sent: u64) {
        let since = sent.wrapping_sub(std::mem::replace(&mut self.sent, sent));
        if since >= MANY && self.interest.is_some() {
            self.suspend(registry, sockets);
        }
    }

    /// Whether the sockets are watched.
    pub(crate) const fn is_on(&self) -> bool {
        self.interest.is_some()
    }
}

/// From so many datagrams on two more system calls a sleep cost less than what they save.
const MANY: u64 = 64;

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::UdpSocket;
    use std::sync::Arc;
    use std::time::Duration;

    use mio::{Events, Poll};

    use super::*;
    use crate::Backend;
    use crate::counters::Counters;
    use crate::udp::Share;

    /// Whether the poller tells of something to receive.
    fn is_told(poll: &mut Poll, patience: Duration) -> bool {
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, Some(patience)).unwrap();
        events.iter().any(mio::event::Event::is_readable)
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the other end of a test")]
    fn who_sends_much_is_watched_for_while_it_sleeps_and_told_of_what_came_before() {
        let address = "127.0.0.1:0".parse().unwrap();
        let counters = Arc::new(Counters::default());
        let socket = Socket::bind(address, Share::Alone, Backend::Native, counters);
        let mut sockets = [socket.unwrap()];
        let mut poll = Poll::new().unwrap();
        let mut watch = Watch::begin(poll.registry(), &mut sockets).unwrap();
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        let limit = Duration::from_secs(5);

        other.send_to(b"1", sockets[0].local()).unwrap();
        assert!(is_told(&mut poll, limit));
        watch.woken(poll.registry(), &mut sockets, MANY - 1);
        assert!(watch.is_on());
        watch.woken(poll.registry(), &mut sockets, 2 * MANY);
        assert!(!watch.is_on());

        other.send_to(b"2", sockets[0].local()).unwrap();
        assert!(!is_told(&mut poll, Duration::ZERO));
        let both = Interest::READABLE | Interest::WRITABLE;
        assert!(watch.resume(poll.registry(), &mut sockets, both));
        assert!(is_told(&mut poll, limit));
        assert!(watch.resume(poll.registry(), &mut sockets, Interest::READABLE));
        other.send_to(b"3", sockets[0].local()).unwrap();
        assert!(is_told(&mut poll, limit));
    }
}
