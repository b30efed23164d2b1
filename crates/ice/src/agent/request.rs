//! Inbound Binding requests: who asks, may they, and what do they want.

use super::config::Role;
use super::generation::Generations;
use super::reply::{ReplyKind, UnknownAttributes};
use crate::Discard;
use crate::stun::{Attribute, AttributeType, Message, TransactionId};

/// An authenticated connectivity check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Check {
    /// The generation whose credentials it is signed with.
    pub(super) generation: u32,
    pub(super) id: TransactionId,
    pub(super) use_candidate: bool,
    pub(super) nomination: Option<u32>,
    pub(super) priority: Option<u32>,
    /// The role the sender takes, and its tie-breaker. FFmpeg 8.0 and older send none.
    pub(super) role: Option<(Role, u64)>,
}

/// Why a request is not taken, and what to answer, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: Discard,
    pub(super) reply: Option<(u32, ReplyKind)>,
}

impl Refusal {
    const fn silent(reason: Discard) -> Self {
        Self {
            reason,
            reply: None,
        }
    }
}

impl Check {
    /// Authenticates a request and reads what it wants (RFC 8489 §9.1.3, §6.3.1; RFC 8445 §7.3).
    pub(super) fn authenticate(
        message: &Message<'_>,
        generations: &Generations,
    ) -> Result<Self, Refusal> {
        let username = message.find(|attribute| match attribute {
            Attribute::Username(username) => Some(username),
            _ => None,
        });
        let number = generations.current.number;
        let (Some(username), true) = (username, message.has_integrity()) else {
            return Err(Refusal {
                reason: Discard::MissingIntegrity,
                reply: Some((number, ReplyKind::BadRequest)),
            });
        };
        // RFC 8445 §7.3.1.1: only our half counts. To a name that is not ours there is nothing to say: 401 would tell a
        // guesser the same and cost a datagram.
        let generation = username
            .split_once(':')
            .and_then(|(ours, _)| generations.by_ufrag(ours))
            .ok_or(Refusal::silent(Discard::UnknownUsername))?;
        message.verify(&generation.key).map_err(|reason| Refusal {
            reason,
            reply: Some((generation.number, ReplyKind::Unauthorized)),
        })?;
        Self::read(message, generation.number)
    }

    fn read(message: &Message<'_>, generation: u32) -> Result<Self, Refusal> {
        let mut check = Self {
            generation,
            id: message.transaction_id(),
            use_candidate: false,
            nomination: None,
            priority: None,
            role: None,
        };
        let mut unknown = UnknownAttributes::default();
        for attribute in message.attributes() {
            match attribute.map_err(Refusal::silent)? {
                Attribute::UseCandidate => check.use_candidate = true,
                Attribute::Nomination(number) => {
                    check.nomination = check.nomination.or(Some(number))
                }
                Attribute::Priority(priority) => check.priority = check.priority.or(Some(priority)),
                Attribute::IceControlled(tie) => {
                    check.role = check.role.or(Some((Role::Controlled, tie)))
                }
                Attribute::IceControlling(tie) => {
                    check.role = check.role.or(Some((Role::Controlling, tie)))
                }
                Attribute::Other(kind, _) if is_unknown(kind) => unknown.push(kind),
                _ => {}
            }
        }
        if unknown.is_empty() {
            Ok(check)
        } else {
            let reply = Some((generation, ReplyKind::UnknownAttributes(unknown)));
            Err(Refusal {
                reason: Discard::UnknownAttribute,
                reply,
            })
        }
    }
}

/// Whether a request with this attribute must be refused (RFC 8489 §6.3.1). Those that RFC 8489 knows but ICE has no use
/// for are merely unexpected, and ignored.
fn is_unknown(kind: AttributeType) -> bool {
    // MAPPED-ADDRESS, REALM, NONCE, MESSAGE-INTEGRITY-SHA256, PASSWORD-ALGORITHM, USERHASH.
    const UNEXPECTED: [u16; 6] = [0x0001, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e];
    kind.is_comprehension_required() && !UNEXPECTED.contains(&kind.0)
}
