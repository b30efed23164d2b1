//! Replies that wait to be written.

use std::collections::VecDeque;

use super::config::Transmit;
use super::generation::Generations;
use crate::limits::{MAX_REPLIES, MAX_UNKNOWN_ATTRIBUTES};
use crate::stun::{AttributeType, Builder, Class, HEADER_LEN, TransactionId};
use crate::{Discard, Path};

/// The queue of replies. It keeps what is needed to write them, not their bytes.
#[derive(Debug, Default)]
pub(super) struct Replies(VecDeque<Reply>);

impl Replies {
    /// Queues a reply to a request of `request_len` bytes. One that would be longer than an unauthenticated request is
    /// refused, so that nobody can use us to amplify.
    pub(super) fn push(&mut self, reply: Reply, request_len: usize) -> Result<(), Discard> {
        if !reply.kind.is_signed() && request_len < UNSIGNED_LEN {
            return Err(Discard::WouldAmplify);
        }
        if self.0.len() >= MAX_REPLIES {
            return Err(Discard::TooManyReplies);
        }
        // A driver that drains after every datagram never has more than one: more than its place is not kept.
        if self.0.capacity() == 0 {
            self.0.reserve_exact(1);
        }
        self.0.push_back(reply);
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Writes the next one. What does not fit into `out`, or belongs to a generation that is gone, is dropped.
    pub(super) fn write_next(
        &mut self,
        generations: &Generations,
        out: &mut [u8],
    ) -> Option<Transmit> {
        while let Some(reply) = self.0.pop_front() {
            if let Some(len) = reply.write(generations, out) {
                return Some(Transmit {
                    path: reply.path,
                    len,
                });
            }
        }
        None
    }
}

/// One reply; it goes back to where the request came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply {
    pub(super) path: Path,
    pub(super) transaction: TransactionId,
    pub(super) generation: u32,
    pub(super) kind: ReplyKind,
}

impl Reply {
    fn write(&self, generations: &Generations, out: &mut [u8]) -> Option<usize> {
        let class = if self.kind == ReplyKind::Success {
            Class::Success
        } else {
            Class::Error
        };
        let builder = Builder::new(out, class, self.transaction);
        let builder = match &self.kind {
            ReplyKind::Success => builder.xor_mapped_address(self.path.remote),
            ReplyKind::RoleConflict => builder.error_code(487),
            ReplyKind::UnknownAttributes(unknown) => builder
                .error_code(420)
                .unknown_attributes(unknown.as_slice()),
            // RFC 8489 §9.1.3: these two are not signed.
            ReplyKind::BadRequest => return builder.error_code(400).fingerprint().finish(),
            ReplyKind::Unauthorized => return builder.error_code(401).fingerprint().finish(),
        };
        let key = &generations.by_number(self.generation)?.key;
        builder.integrity(key).fingerprint().finish()
    }
}

/// What to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplyKind {
    /// 200, in other protocols' words.
    Success,
    /// 400: no credentials.
    BadRequest,
    /// 401: wrong integrity.
    Unauthorized,
    /// 420: required attributes that we do not know.
    UnknownAttributes(UnknownAttributes),
    /// 487: both sides take the same role (RFC 8445 §7.3.1.1).
    RoleConflict,
}

impl ReplyKind {
    const fn is_signed(self) -> bool {
        !matches!(self, Self::BadRequest | Self::Unauthorized)
    }
}

/// The first few types behind a 420.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnknownAttributes {
    len: u8,
    types: [AttributeType; MAX_UNKNOWN_ATTRIBUTES],
}

impl UnknownAttributes {
    pub(super) fn push(&mut self, kind: AttributeType) {
        if let Some(slot) = self.types.get_mut(usize::from(self.len)) {
            *slot = kind;
            self.len += 1;
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn as_slice(&self) -> &[AttributeType] {
        self.types.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl Default for UnknownAttributes {
    fn default() -> Self {
        Self {
            len: 0,
            types: [AttributeType(0); MAX_UNKNOWN_ATTRIBUTES],
        }
    }
}

/// Header, ERROR-CODE, FINGERPRINT.
const UNSIGNED_LEN: usize = HEADER_LEN + 8 + 8;
