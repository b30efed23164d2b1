//! What a client does with its allocation: Refresh, CreatePermission and ChannelBind (RFC 8656 §8, §10, §12).

use std::net::{IpAddr, SocketAddr};

use xrtc_ice::stun::{Attribute, AttributeType};

use super::allocate::family_of;
use super::request::Request;
use super::{Output, TurnServer};
use crate::allocation::NotGiven;
use crate::limits::MAX_PEERS_A_REQUEST;
use crate::peers::Verdict;

impl TurnServer {
    pub(super) fn refresh(&mut self, request: &Request<'_, '_>, out: &mut [u8]) -> Option<Output> {
        if let Some(unknown) = request.unknown(&[
            AttributeType::LIFETIME,
            AttributeType::REQUESTED_ADDRESS_FAMILY,
        ]) {
            return self.refuse_unknown(request, unknown, out);
        }
        let index = match self.held_by(request) {
            Ok(index) => index,
            Err(code) => return self.refuse(request, code, out),
        };
        let lifetime = self.lifetime(request);
        let asked = request.value(AttributeType::REQUESTED_ADDRESS_FAMILY);
        let allocation = self.allocations.get_mut(index)?;
        if asked.is_some() && family_of(asked) != Some(allocation.relayed.is_ipv6()) {
            return self.refuse(request, 443, out);
        }
        let seconds = lifetime.map_or(0, |lifetime| lifetime.as_secs());
        if let Some(lifetime) = lifetime {
            allocation.expires = request.now + lifetime;
        } else {
            self.counters.allocations_released += 1;
            self.release(index);
        }
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        let reply = request.success(out);
        let reply = reply.attribute(AttributeType::LIFETIME, &seconds.to_be_bytes());
        let len = reply.integrity(&request.key).finish()?;
        Some(Output::Reply { len })
    }

    pub(super) fn create_permission(
        &mut self,
        request: &Request<'_, '_>,
        out: &mut [u8],
    ) -> Option<Output> {
        if let Some(unknown) = request.unknown(&[AttributeType::XOR_PEER_ADDRESS]) {
            return self.refuse_unknown(request, unknown, out);
        }
        match self.permit(request) {
            Ok(()) => self.done(request, out),
            Err(code) => self.refuse(request, code, out),
        }
    }

    fn permit(&mut self, request: &Request<'_, '_>) -> Result<(), u16> {
        let index = self.held_by(request)?;
        let allocation = self.allocations.get_mut(index).ok_or(437_u16)?;
        let mut wanted: Vec<(IpAddr, Verdict)> = Vec::new();
        for attribute in request.message.attributes() {
            let Ok(Attribute::Other(AttributeType::XOR_PEER_ADDRESS, value)) = attribute else {
                continue;
            };
            let peer = request.message.xor_address(value).ok_or(400_u16)?;
            if peer.is_ipv4() != allocation.relayed.is_ipv4() {
                return Err(443);
            }
            let verdict = self.peers.verdict(peer.ip());
            if verdict == Verdict::Refused {
                return Err(403);
            }
            if wanted.len() >= MAX_PEERS_A_REQUEST {
                return Err(508);
            }
            wanted.push((peer.ip(), verdict));
        }
        if wanted.is_empty() {
            return Err(400);
        }
        let permitted = allocation.permit(request.now, &wanted, &self.limits);
        permitted.map_err(code_of)
    }

    pub(super) fn bind_channel(
        &mut self,
        request: &Request<'_, '_>,
        out: &mut [u8],
    ) -> Option<Output> {
        if let Some(unknown) = request.unknown(&[
            AttributeType::XOR_PEER_ADDRESS,
            AttributeType::CHANNEL_NUMBER,
        ]) {
            return self.refuse_unknown(request, unknown, out);
        }
        match self.bind(request) {
            Ok(()) => self.done(request, out),
            Err(code) => self.refuse(request, code, out),
        }
    }

    fn bind(&mut self, request: &Request<'_, '_>) -> Result<(), u16> {
        let index = self.held_by(request)?;
        let allocation = self.allocations.get_mut(index).ok_or(437_u16)?;
        let number = match request.value(AttributeType::CHANNEL_NUMBER) {
            Some([high, low, _, _]) => u16::from_be_bytes([*high, *low]),
            _ => return Err(400),
        };
        let peer: SocketAddr = request
            .value(AttributeType::XOR_PEER_ADDRESS)
            .and_then(|value| request.message.xor_address(value))
            .ok_or(400_u16)?;
        // Those of RFC 5766 §11: RFC 8656 §12 has fewer only where other protocols share the socket.
        if !(0x4000..=0x7ffe).contains(&number) {
            return Err(400);
        }
        if peer.is_ipv4() != allocation.relayed.is_ipv4() {
            return Err(443);
        }
        let verdict = self.peers.verdict(peer.ip());
        if !self.peers.allows_by(verdict, peer) {
            return Err(403);
        }
        let bound = allocation.bind(request.now, (number, peer, verdict), &self.limits);
        bound.map_err(code_of)
    }

    /// The allocation of whoever asks: 437 without one, 441 if another user made it (RFC 8656 §5).
    fn held_by(&self, request: &Request<'_, '_>) -> Result<usize, u16> {
        let index = *self.clients.get(&request.client).ok_or(437_u16)?;
        let allocation = self.allocations.get(index).ok_or(437_u16)?;
        if allocation.expires <= request.now {
            return Err(437);
        }
        if allocation.username != request.username {
            return Err(441);
        }
        Ok(index)
    }

    fn done(&self, request: &Request<'_, '_>, out: &mut [u8]) -> Option<Output> {
        let len = request.success(out).integrity(&request.key).finish()?;
        Some(Output::Reply { len })
    }
}

const fn code_of(not_given: NotGiven) -> u16 {
    match not_given {
        NotGiven::Full => 508,
        NotGiven::Taken => 400,
    }
}
