//! What becomes of the answers (RFC 8489 §9.2.5, RFC 8656 §7.3, §8.3, §10.3, §12.3).

use std::net::SocketAddr;
use std::time::Duration;

use xrtc_ice::stun::{Attribute, AttributeType, Class, Message, TransactionId};
use xrtc_rtp::Time;

use super::transaction::{Question, Transaction};
use super::{Challenge, Received, State, TurnClient, TurnEvent, TurnFailure};
use crate::limits::{DEFAULT_LIFETIME, MAX_CHALLENGE, MAX_RENEWALS};
use crate::message::{long_term_key, value};

impl TurnClient {
    pub(super) fn handle_response(&mut self, now: Time, message: &Message<'_>) -> Received {
        let id = message.transaction_id();
        let Some(index) = self.transactions.iter().position(|one| one.id == id) else {
            return Received::Foreign;
        };
        let code = (message.class() == Class::Error).then(|| error_code(message));
        match code {
            Some(Some(401)) if self.challenge.is_none() => self.meet(now, index, message),
            Some(Some(438)) if self.challenge.is_some() => self.meet(now, index, message),
            _ => self.take(now, index, (message, code)),
        }
        Received::Taken
    }

    /// The server wants to see something: asks the same with it. Such an answer has no MESSAGE-INTEGRITY, since it
    /// comes before the server knows who asks; whoever forged it would have to know the transaction, and can delay it.
    fn meet(&mut self, now: Time, index: usize, message: &Message<'_>) {
        let fits = |value: &&[u8]| !value.is_empty() && value.len() <= MAX_CHALLENGE;
        let nonce = value(message, AttributeType::NONCE).filter(fits);
        let realm = value(message, AttributeType::REALM).filter(fits);
        let Some(transaction) = self.transactions.get_mut(index) else {
            return;
        };
        match (&mut self.challenge, nonce, realm) {
            // RFC 8489 §9.2.5: with 438 the realm stays as it was.
            (Some(challenge), Some(nonce), _) if transaction.renewals < MAX_RENEWALS => {
                challenge.nonce = nonce.to_vec();
            }
            (None, Some(nonce), Some(realm)) => {
                self.challenge = Some(Challenge {
                    realm: realm.to_vec(),
                    nonce: nonce.to_vec(),
                    key: long_term_key(&self.username, realm, &self.password),
                });
            }
            // There is nothing to lose yet.
            (challenge, ..) if transaction.question == Question::Allocate => {
                let is_stale = challenge.is_some() && nonce.is_some();
                let stale = TurnFailure::Refused { code: 438 };
                return self.fail(if is_stale {
                    stale
                } else {
                    TurnFailure::Malformed
                });
            }
            // Nobody has signed it, and an allocation is not given up for that: another answer may come.
            _ => {
                self.counters.unauthentic += 1;
                transaction.refusal = Some(438);
                return;
            }
        }
        let id = TransactionId::random(&mut self.rng);
        let transaction = self.transactions.swap_remove(index);
        self.transactions.push(transaction.renewed(now, id));
    }

    /// An answer that decides. `code` is that of an error, if it has one.
    fn take(
        &mut self,
        now: Time,
        index: usize,
        (message, code): (&Message<'_>, Option<Option<u16>>),
    ) {
        let code = code.map(|code| code.unwrap_or(400));
        let Some(transaction) = self.transactions.get_mut(index) else {
            return;
        };
        let question = transaction.question;
        let is_authentic = match &self.challenge {
            Some(challenge) => message.verify(&challenge.key).is_ok(),
            // Nothing but the first request goes without credentials, and no server grants that.
            None => code.is_some(),
        };
        // A server that does not take our credentials cannot sign with them.
        let is_rejection = code == Some(401) && question == Question::Allocate;
        if !is_authentic && !is_rejection {
            self.counters.unauthentic += 1;
            transaction.refusal = code;
            return;
        }
        self.transactions.swap_remove(index);
        match code {
            Some(code) => self.refused(now, question, code),
            None => self.granted(now, question, message),
        }
    }

    fn granted(&mut self, now: Time, question: Question, message: &Message<'_>) {
        match question {
            Question::Allocate => self.allocated(now, message),
            Question::Refresh => self.refreshed(now, message),
            Question::Release => self.state = State::Over,
            Question::Permit(ip) => self.peers.permitted(now, ip),
            Question::Bind(peer, _) => self.peers.bound(now, peer),
        }
    }

    fn allocated(&mut self, now: Time, message: &Message<'_>) {
        let relayed = value(message, AttributeType::XOR_RELAYED_ADDRESS)
            .and_then(|value| message.xor_address(value))
            .filter(is_usable);
        let Some(relayed) = relayed else {
            return self.fail(TurnFailure::Malformed);
        };
        let mapped = message.find(|attribute| match attribute {
            Attribute::XorMappedAddress(address) => Some(address),
            _ => None,
        });
        self.state = allocated(now, relayed, lifetime(message));
        let mapped = mapped.filter(is_usable);
        self.event = Some(TurnEvent::Allocated { relayed, mapped });
    }

    fn refreshed(&mut self, now: Time, message: &Message<'_>) {
        if let State::Allocated { relayed, .. } = self.state {
            self.state = allocated(now, relayed, lifetime(message));
        }
    }

    fn refused(&mut self, now: Time, question: Question, code: u16) {
        match question {
            // RFC 8656 §7.4: a server without the family may have another.
            Question::Allocate if code == 440 && self.wants_ipv6 => {
                self.wants_ipv6 = false;
                self.ask(now, Question::Allocate);
            }
            Question::Allocate | Question::Refresh => self.fail(TurnFailure::Refused { code }),
            Question::Release => self.state = State::Over,
            // RFC 8656 §5: there is no allocation any more.
            Question::Permit(_) | Question::Bind(..) if code == 437 => {
                self.fail(TurnFailure::Refused { code });
            }
            Question::Permit(ip) => self.peers.refused(now, ip),
            Question::Bind(peer, _) => self.peers.unbound(peer),
        }
    }

    /// What it would fail with if it were given up now.
    pub fn failure_so_far(&self) -> TurnFailure {
        let refusal = self.transactions.iter().find_map(decisive_refusal);
        refusal.map_or(TurnFailure::Timeout, |code| TurnFailure::Refused { code })
    }
}

fn decisive_refusal(transaction: &Transaction) -> Option<u16> {
    let decides = matches!(transaction.question, Question::Allocate | Question::Refresh);
    transaction.refusal.filter(|_| decides)
}

fn error_code(message: &Message<'_>) -> Option<u16> {
    message.find(|attribute| match attribute {
        Attribute::ErrorCode(code, _) => Some(code),
        _ => None,
    })
}

fn lifetime(message: &Message<'_>) -> Duration {
    let seconds =
        value(message, AttributeType::LIFETIME).and_then(|value| <[u8; 4]>::try_from(value).ok());
    seconds.map_or(DEFAULT_LIFETIME, |bytes| {
        Duration::from_secs(u32::from_be_bytes(bytes).into())
    })
}

fn allocated(now: Time, relayed: SocketAddr, lifetime: Duration) -> State {
    State::Allocated {
        relayed,
        refresh_at: now + refresh_after(lifetime),
        expires: now + lifetime,
    }
}

/// A minute before the end, which retransmissions need; half way where that is too early.
fn refresh_after(lifetime: Duration) -> Duration {
    let half = lifetime / 2;
    lifetime
        .saturating_sub(MARGIN)
        .max(half)
        .max(SHORTEST_REFRESH)
}

fn is_usable(address: &SocketAddr) -> bool {
    let ip = address.ip();
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast()
}

const MARGIN: Duration = Duration::from_secs(60);
/// However short a server wants it.
const SHORTEST_REFRESH: Duration = Duration::from_secs(5);
