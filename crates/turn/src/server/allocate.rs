//! Allocate (RFC 8656 §7).

use std::net::SocketAddr;
use std::time::Duration;

use xrtc_ice::stun::{AttributeType, IntegrityKey};
use xrtc_rtp::Time;

use super::request::{Question, Request};
use super::{AllocationId, Client, Output, TurnServer, address_of};
use crate::allocation::Allocation;
use crate::limits::DEFAULT_LIFETIME;

/// An allocation for which a socket is wanted.
#[derive(Debug)]
pub struct Opening {
    client: Client,
    question: Question,
    username: String,
    key: IntegrityKey,
    lifetime: Duration,
    is_ipv6: bool,
    wants_even: bool,
    /// A second family was asked for, which is not given.
    wants_second: bool,
}

impl Opening {
    /// Whether the socket is to be one of IPv6.
    pub const fn is_ipv6(&self) -> bool {
        self.is_ipv6
    }

    /// Whether its port is to be even.
    pub const fn wants_even(&self) -> bool {
        self.wants_even
    }
}

impl TurnServer {
    pub(super) fn allocate(&mut self, request: &Request<'_, '_>, out: &mut [u8]) -> Option<Output> {
        let held = self.clients.get(&request.client);
        if let Some(allocation) = held.and_then(|index| self.allocations.get(*index)) {
            // RFC 8656 §7.2: its answer was lost, so it is given again.
            if allocation.made_by == request.message.transaction_id() {
                let left = allocation.expires.since(request.now);
                let told = (allocation.relayed, left, false);
                let len = allocated(Question::from(request), &request.client, told, out)
                    .integrity(&request.key)
                    .finish()?;
                return Some(Output::Reply { len });
            }
            return self.refuse(request, 437, out);
        }
        if let Some(unknown) = request.unknown(&KNOWN) {
            return self.refuse_unknown(request, unknown, out);
        }
        match self.read_allocate(request) {
            Ok(opening) => Some(Output::Open(Box::new(opening))),
            Err(code) => self.refuse(request, code, out),
        }
    }

    /// In the order of RFC 8656 §7.2.
    fn read_allocate(&self, request: &Request<'_, '_>) -> Result<Opening, u16> {
        match request.value(AttributeType::REQUESTED_TRANSPORT) {
            Some([UDP, ..]) => {}
            Some([_, ..]) => return Err(442),
            _ => return Err(400),
        }
        let family = request.value(AttributeType::REQUESTED_ADDRESS_FAMILY);
        let second = request.value(AttributeType::ADDITIONAL_ADDRESS_FAMILY);
        if family.is_some() && second.is_some() {
            return Err(400);
        }
        let is_ipv6 = family_of(family).ok_or(440_u16)?;
        let [ipv4, ipv6] = self.families;
        if !(if is_ipv6 { ipv6 } else { ipv4 }) {
            return Err(440);
        }
        let even = request.value(AttributeType::EVEN_PORT);
        // The next port is reserved for nobody, so no token is one of ours.
        let wants_next =
            even.is_some_and(|flags| flags.first().is_none_or(|flags| flags & 0x80 != 0));
        if wants_next || request.value(AttributeType::RESERVATION_TOKEN).is_some() {
            return Err(508);
        }
        self.check_quotas(request)?;
        Ok(Opening {
            client: request.client,
            question: Question::from(request),
            username: request.username.to_owned(),
            key: request.key.clone(),
            lifetime: self.lifetime(request).unwrap_or(DEFAULT_LIFETIME),
            is_ipv6,
            wants_even: even.is_some(),
            wants_second: second.is_some(),
        })
    }

    fn check_quotas(&self, request: &Request<'_, '_>) -> Result<(), u16> {
        let of_user = self.users.get(request.username).copied().unwrap_or(0);
        let address = address_of(&request.client);
        let of_address = self.addresses.get(&address).copied().unwrap_or(0);
        if of_user >= self.limits.allocations_per_user
            || of_address >= self.limits.allocations_per_address
        {
            return Err(486);
        }
        if self.allocations.len() >= self.limits.allocations {
            return Err(508);
        }
        Ok(())
    }

    /// The lifetime that a request gets; `None`: it asks for zero.
    pub(super) fn lifetime(&self, request: &Request<'_, '_>) -> Option<Duration> {
        let asked = request
            .value(AttributeType::LIFETIME)
            .and_then(|value| Some(u32::from_be_bytes(value.try_into().ok()?)));
        let Some(seconds) = asked else {
            return Some(DEFAULT_LIFETIME.min(self.limits.lifetime));
        };
        let wanted = Duration::from_secs(seconds.into()).max(DEFAULT_LIFETIME);
        (seconds > 0).then(|| wanted.min(self.limits.lifetime))
    }

    /// The socket of an opening is there, and peers are to send to `relayed`; or there is none. Writes the answer for its
    /// client into `out` and gives its length.
    pub fn opened(
        &mut self,
        now: Time,
        opening: Opening,
        relayed: Option<SocketAddr>,
        out: &mut [u8],
    ) -> (Option<AllocationId>, Option<usize>) {
        let Opening {
            client,
            question,
            username,
            key,
            lifetime,
            wants_second,
            ..
        } = opening;
        let Some(relayed) = relayed else {
            self.count_refusal(508);
            return (None, question.error(508, out).integrity(&key).finish());
        };
        let told = (relayed, lifetime, wants_second);
        let reply = allocated(question, &client, told, out);
        let len = reply.integrity(&key).finish();
        *self.users.entry(username.clone()).or_insert(0) += 1;
        *self.addresses.entry(address_of(&client)).or_insert(0) += 1;
        if self.allocations.is_empty() {
            self.swept = now;
        }
        let made = (question.id, now + lifetime);
        let allocation = Allocation::new(client, relayed, (username, key), made);
        let index = self.allocations.insert(allocation);
        self.clients.insert(client, index);
        self.counters.allocations_made += 1;
        (Some(AllocationId(index)), len)
    }
}

impl From<&Request<'_, '_>> for Question {
    fn from(request: &Request<'_, '_>) -> Self {
        Self {
            method: request.message.method(),
            id: request.message.transaction_id(),
        }
    }
}

fn allocated<'o>(
    question: Question,
    client: &Client,
    (relayed, lifetime, wants_second): (SocketAddr, Duration, bool),
    out: &'o mut [u8],
) -> xrtc_ice::stun::Builder<'o> {
    let seconds = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX);
    let reply = question
        .success(out)
        .xor_address(AttributeType::XOR_RELAYED_ADDRESS, relayed)
        .attribute(AttributeType::LIFETIME, &seconds.to_be_bytes())
        .xor_mapped_address(client.path.remote);
    if wants_second {
        // RFC 8656 §18.12: IPv6, 440.
        reply.attribute(AttributeType::ADDRESS_ERROR_CODE, &[IPV6, 0, 4, 40])
    } else {
        reply
    }
}

/// Whether the family that is asked for is IPv6; IPv4 where none is.
pub(super) const fn family_of(value: Option<&[u8]>) -> Option<bool> {
    match value {
        None | Some([IPV4, _, _, _]) => Some(false),
        Some([IPV6, _, _, _]) => Some(true),
        Some(_) => None,
    }
}

/// IANA protocol number.
const UDP: u8 = 17;
const IPV4: u8 = 1;
const IPV6: u8 = 2;
const KNOWN: [AttributeType; 5] = [
    AttributeType::REQUESTED_TRANSPORT,
    AttributeType::REQUESTED_ADDRESS_FAMILY,
    AttributeType::LIFETIME,
    AttributeType::EVEN_PORT,
    AttributeType::RESERVATION_TOKEN,
];
