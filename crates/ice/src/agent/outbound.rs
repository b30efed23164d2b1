//! The requests a full agent sends: checks, their repetitions, and consent (RFC 8445 §7.2.2).

use xrtc_rtp::Time;

use super::config::{Role, Transmit};
use super::full::{Full, Remote};
use super::generation::{Generation, Generations};
use super::pair::{PairState, Transaction};
use crate::Path;
use crate::stun::{Builder, Class, TransactionId};

impl Full {
    /// Writes the next request that is due. What does not fit into `out` counts as sent and lost.
    pub(super) fn poll_transmit(
        &mut self,
        now: Time,
        generations: &Generations,
        out: &mut [u8],
    ) -> Option<Transmit> {
        if self.is_ended() {
            return None;
        }
        loop {
            let (generation, request) = match self.next_check(now) {
                Some(request) => (self.generation, request),
                None => self.next_consent(now)?,
            };
            let parties = generations
                .by_number(generation)
                .zip(self.remote_of(generation));
            if let Some(len) =
                parties.and_then(|(local, remote)| self.write(&request, local, remote, out))
            {
                return Some(Transmit {
                    path: request.path,
                    len,
                });
            }
        }
    }

    fn next_check(&mut self, now: Time) -> Option<Request> {
        self.remote.as_ref()?;
        if let Some(pair) = self.checklist.next_resend(now) {
            let path = pair.path;
            let check = pair.check.as_mut()?;
            check.resend(now);
            return Some(Request {
                path,
                id: check.id,
                role: check.role,
                use_candidate: check.use_candidate,
            });
        }
        let (role, nominating) = (self.role, self.nominating);
        let timeout = self.checklist.stretched(self.rtt.timeout());
        let id = TransactionId::random(&mut self.rng);
        let pair = self.checklist.next_check(now)?;
        let use_candidate = role == Role::Controlling && nominating == Some(pair.path);
        if pair.state != PairState::Succeeded {
            pair.state = PairState::InProgress;
        }
        pair.check = Some(if pair.path.is_datagrams() {
            Transaction::new(now, id, role, use_candidate, timeout)
        } else {
            Transaction::reliable(now, id, role, use_candidate)
        });
        Some(Request {
            path: pair.path,
            id,
            role,
            use_candidate,
        })
    }

    fn next_consent(&mut self, now: Time) -> Option<(u32, Request)> {
        let selected = self
            .selected
            .as_mut()
            .filter(|selected| selected.consent.is_due(now))?;
        let id = TransactionId::random(&mut self.rng);
        selected
            .consent
            .sent(now, id, self.role, self.rtt.timeout());
        selected.consent.schedule(now, &mut self.rng);
        // Nominating again costs nothing, and a lite peer learns from it that our address has changed (NAT rebinding).
        let is_staying = selected.is_nominated && self.nominating.is_none();
        let use_candidate = self.role == Role::Controlling && is_staying;
        let request = Request {
            path: selected.consent.path,
            id,
            role: self.role,
            use_candidate,
        };
        Some((selected.consent.generation, request))
    }

    fn write(
        &self,
        request: &Request,
        local: &Generation,
        remote: &Remote,
        out: &mut [u8],
    ) -> Option<usize> {
        let mut builder = Builder::new(out, Class::Request, request.id)
            .username(remote.credentials.ufrag(), local.credentials.ufrag())
            .priority(self.check_priority(request.path));
        builder = match request.role {
            Role::Controlling => builder.ice_controlling(self.tie_breaker),
            Role::Controlled => builder.ice_controlled(self.tie_breaker),
        };
        if request.use_candidate {
            builder = builder.use_candidate();
        }
        builder.integrity(&remote.key).fingerprint().finish()
    }
}

/// A request to write.
#[derive(Clone, Copy, Debug)]
struct Request {
    path: Path,
    id: TransactionId,
    role: Role,
    use_candidate: bool,
}
