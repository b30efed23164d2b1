//! Requests: who they are from, and what is answered before that is known.

use xrtc_ice::stun::{
    Attribute, AttributeType, Builder, Class, IntegrityKey, Message, Method, TransactionId,
};
use xrtc_rtp::Time;

use super::{Client, Output, TurnServer};
use crate::message::value;

/// A request whose sender is known.
pub(super) struct Request<'a, 'm> {
    pub(super) now: Time,
    pub(super) client: Client,
    pub(super) message: &'a Message<'m>,
    pub(super) username: &'m str,
    pub(super) key: IntegrityKey,
}

/// What a response is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) id: TransactionId,
}

/// What stands in a request before it is known who it is from.
#[derive(Default)]
struct Claims<'m> {
    username: Option<&'m str>,
    realm: Option<&'m [u8]>,
    nonce: Option<&'m [u8]>,
}

/// Why a request is not let through.
enum Stopped {
    /// 401, 438 or 400.
    Error(u16),
    /// 401 because of wrong credentials, with a nonce that is ours.
    Wrong,
}

impl TurnServer {
    pub(super) fn request(
        &mut self,
        now: Time,
        (client, len): (Client, usize),
        message: &Message<'_>,
        out: &mut [u8],
    ) -> Option<Output> {
        let question = Question::of(message);
        if message.method() == Method::BINDING {
            self.counters.unauthenticated_bytes_received += len as u64;
            let reply = binding(question, &client, out)?;
            self.counters.bindings += 1;
            return self.answer_stranger(now, client, reply);
        }
        let known = [
            Method::ALLOCATE,
            Method::REFRESH,
            Method::CREATE_PERMISSION,
            Method::CHANNEL_BIND,
        ];
        if !known.contains(&message.method()) {
            self.counters.malformed += 1;
            return None;
        }
        match self.authenticate(now, client, message) {
            Ok((username, key)) => {
                let request = Request {
                    now,
                    client,
                    message,
                    username,
                    key,
                };
                self.authentic(&request, out)
            }
            Err(stopped) => {
                self.counters.unauthenticated_bytes_received += len as u64;
                self.stop(now, client, (question, stopped), out)
            }
        }
    }

    fn authentic(&mut self, request: &Request<'_, '_>, out: &mut [u8]) -> Option<Output> {
        match request.message.method() {
            Method::ALLOCATE => self.allocate(request, out),
            Method::REFRESH => self.refresh(request, out),
            Method::CREATE_PERMISSION => self.create_permission(request, out),
            _ => self.bind_channel(request, out),
        }
    }

    /// RFC 8489 §9.2.4, in its order.
    fn authenticate<'m>(
        &self,
        now: Time,
        client: Client,
        message: &Message<'m>,
    ) -> Result<(&'m str, IntegrityKey), Stopped> {
        if !message.has_integrity() {
            return Err(Stopped::Error(401));
        }
        let claims = Claims::of(message).ok_or(Stopped::Error(400))?;
        let (Some(username), Some(realm), Some(nonce)) =
            (claims.username, claims.realm, claims.nonce)
        else {
            return Err(Stopped::Error(400));
        };
        let nonce = std::str::from_utf8(nonce).unwrap_or_default();
        if !self.authority.knows(nonce, now, &client) {
            return Err(Stopped::Error(438));
        }
        let held = self.clients.get(&client);
        let held = held.and_then(|index| self.allocations.get(*index));
        let key = match held.filter(|allocation| allocation.username == username) {
            Some(allocation) => allocation.key.clone(),
            None => {
                let key = self.authority.key(username, self.unix_seconds(now));
                key.ok_or(Stopped::Wrong)?
            }
        };
        if realm != self.authority.realm().as_bytes() || message.verify(&key).is_err() {
            return Err(Stopped::Wrong);
        }
        Ok((username, key))
    }

    fn stop(
        &mut self,
        now: Time,
        client: Client,
        (question, stopped): (Question, Stopped),
        out: &mut [u8],
    ) -> Option<Output> {
        let code = match stopped {
            Stopped::Error(code) => code,
            Stopped::Wrong => 401,
        };
        let mut reply = question.error(code, out);
        if code != 400 {
            let nonce = self.authority.nonce(now, &client);
            reply = reply
                .attribute(AttributeType::REALM, self.authority.realm().as_bytes())
                .attribute(AttributeType::NONCE, nonce.as_bytes());
        }
        let len = reply.finish()?;
        match stopped {
            Stopped::Wrong => self.counters.wrong_credentials += 1,
            Stopped::Error(401) => self.counters.challenges += 1,
            Stopped::Error(438) => self.counters.stale_nonces += 1,
            Stopped::Error(_) => self.counters.bad_requests += 1,
        }
        self.answer_stranger(now, client, len)
    }

    /// Whoever has shown no credentials may stand under another's address: only so much goes there.
    fn answer_stranger(&mut self, now: Time, client: Client, len: usize) -> Option<Output> {
        if !self.budget.spend(now, client.path.remote.ip(), len) {
            self.counters.over_budget += 1;
            return None;
        }
        self.counters.unauthenticated_bytes_sent += len as u64;
        Some(Output::Reply { len })
    }

    /// An error response to an authentic request; the code says which counter.
    pub(super) fn refuse(
        &mut self,
        request: &Request<'_, '_>,
        code: u16,
        out: &mut [u8],
    ) -> Option<Output> {
        self.count_refusal(code);
        let reply = Question::of(request.message).error(code, out);
        let len = reply.integrity(&request.key).finish()?;
        Some(Output::Reply { len })
    }

    pub(super) const fn count_refusal(&mut self, code: u16) {
        match code {
            403 => self.counters.peers_refused += 1,
            486 => self.counters.over_quota += 1,
            508 => self.counters.over_capacity += 1,
            _ => self.counters.bad_requests += 1,
        }
    }

    /// A 420 (RFC 8489 §6.3.1).
    pub(super) fn refuse_unknown(
        &mut self,
        request: &Request<'_, '_>,
        unknown: AttributeType,
        out: &mut [u8],
    ) -> Option<Output> {
        self.counters.bad_requests += 1;
        let reply = Question::of(request.message).error(420, out);
        let reply = reply.unknown_attributes(&[unknown]);
        let len = reply.integrity(&request.key).finish()?;
        Some(Output::Reply { len })
    }
}

impl Request<'_, '_> {
    /// The beginning of a success response.
    pub(super) fn success<'o>(&self, out: &'o mut [u8]) -> Builder<'o> {
        Question::of(self.message).success(out)
    }

    /// The first attribute that this server does not know and may not pass over.
    pub(super) fn unknown(&self, known: &[AttributeType]) -> Option<AttributeType> {
        self.message.find(|attribute| match attribute {
            Attribute::Other(kind, _)
                if kind.is_comprehension_required()
                    && !known.contains(&kind)
                    && !CREDENTIALS.contains(&kind) =>
            {
                Some(kind)
            }
            _ => None,
        })
    }

    /// The value of the first attribute of this kind.
    pub(super) fn value(&self, wanted: AttributeType) -> Option<&[u8]> {
        value(self.message, wanted)
    }
}

impl Question {
    fn of(message: &Message<'_>) -> Self {
        Self {
            method: message.method(),
            id: message.transaction_id(),
        }
    }

    pub(super) fn success(self, out: &mut [u8]) -> Builder<'_> {
        Builder::of(out, self.method, Class::Success, self.id)
    }

    pub(super) fn error(self, code: u16, out: &mut [u8]) -> Builder<'_> {
        Builder::of(out, self.method, Class::Error, self.id).error_code(code)
    }
}

impl<'m> Claims<'m> {
    /// `None`: an attribute has an impossible value.
    fn of(message: &Message<'m>) -> Option<Self> {
        let mut claims = Self::default();
        for attribute in message.attributes() {
            match attribute.ok()? {
                Attribute::Username(name) => claims.username = claims.username.or(Some(name)),
                Attribute::Other(AttributeType::REALM, value) => {
                    claims.realm = claims.realm.or(Some(value));
                }
                Attribute::Other(AttributeType::NONCE, value) => {
                    claims.nonce = claims.nonce.or(Some(value));
                }
                _ => {}
            }
        }
        Some(claims)
    }
}

/// As short as it can be: the address, and nothing about us.
fn binding(question: Question, client: &Client, out: &mut [u8]) -> Option<usize> {
    let reply = question.success(out);
    reply.xor_mapped_address(client.path.remote).finish()
}

const CREDENTIALS: [AttributeType; 3] = [
    AttributeType::REALM,
    AttributeType::NONCE,
    AttributeType::MESSAGE_INTEGRITY_SHA256,
];
