//! Data in both directions (RFC 8656 §11, §12.5, §12.6).

use std::net::SocketAddr;

use xrtc_ice::stun::{AttributeType, Builder, Class, Message, Method, TransactionId};
use xrtc_rtp::Time;

use super::{AllocationId, Client, Output, TurnServer};
use crate::allocation::Direction;
use crate::framing::write_channel_data;
use crate::message::value;

impl TurnServer {
    /// A datagram that came from `peer` to the relayed address of `allocation`. What goes to its client is written into
    /// `out`, which should hold 64 bytes more than the datagram: to whom, and how many bytes.
    pub fn handle_relayed(
        &mut self,
        now: Time,
        (allocation, peer): (AllocationId, SocketAddr),
        datagram: &[u8],
        out: &mut [u8],
    ) -> Option<(Client, usize)> {
        let AllocationId(index) = allocation;
        let allocation = self.allocations.get_mut(index)?;
        let verdict = allocation.permission(now, peer.ip());
        if now >= allocation.expires
            || !verdict.is_some_and(|verdict| self.peers.allows_by(verdict, peer))
        {
            self.counters.uninvited += 1;
            return None;
        }
        let bytes = datagram.len();
        if !allocation.pass(now, Direction::ToClient, bytes, &self.limits) {
            self.counters.over_rate += 1;
            return None;
        }
        let len = match allocation.channel_to(now, peer) {
            Some(number) => write_channel_data(number, datagram, out)?,
            None => {
                // RFC 8489 §6: an indication's id answers nothing; it only has to be there.
                Builder::of(
                    out,
                    Method::DATA,
                    Class::Indication,
                    TransactionId::default(),
                )
                .xor_address(AttributeType::XOR_PEER_ADDRESS, peer)
                .attribute(AttributeType::DATA, datagram)
                .finish()?
            }
        };
        self.counters.datagrams_to_clients += 1;
        self.counters.bytes_to_clients += bytes as u64;
        Some((allocation.client, len))
    }

    pub(super) fn channel_data(
        &mut self,
        now: Time,
        client: Client,
        datagram: &[u8],
    ) -> Option<Output> {
        let Some(([n0, n1, l0, l1], rest)) = datagram.split_first_chunk() else {
            self.counters.malformed += 1;
            return None;
        };
        let len = usize::from(u16::from_be_bytes([*l0, *l1]));
        if len > rest.len() {
            self.counters.malformed += 1;
            return None;
        }
        let number = u16::from_be_bytes([*n0, *n1]);
        let held = self.clients.get(&client).copied();
        let allocation = held.and_then(|index| self.allocations.get(index));
        let peer = allocation.and_then(|allocation| allocation.peer_of(now, number));
        self.forward(now, held, peer, 4..4 + len)
    }

    pub(super) fn send_data(
        &mut self,
        now: Time,
        client: Client,
        message: &Message<'_>,
        datagram: &[u8],
    ) -> Option<Output> {
        let peer = value(message, AttributeType::XOR_PEER_ADDRESS);
        let peer = peer.and_then(|value| message.xor_address(value));
        let data = value(message, AttributeType::DATA);
        let (Some(peer), Some(data)) = (peer, data) else {
            self.counters.malformed += 1;
            return None;
        };
        // The value lies in the datagram.
        let start = (data.as_ptr() as usize).checked_sub(datagram.as_ptr() as usize)?;
        let held = self.clients.get(&client).copied();
        self.forward(now, held, Some(peer), start..start + data.len())
    }

    fn forward(
        &mut self,
        now: Time,
        held: Option<usize>,
        peer: Option<SocketAddr>,
        data: std::ops::Range<usize>,
    ) -> Option<Output> {
        let allocation = held.and_then(|index| Some((index, self.allocations.get_mut(index)?)));
        let Some((((index, allocation), peer), verdict)) = allocation
            .filter(|(_, allocation)| now < allocation.expires)
            .zip(peer)
            .and_then(|(held, peer)| {
                let verdict = held.1.permission(now, peer.ip())?;
                Some(((held, peer), verdict))
            })
        else {
            self.counters.unpermitted += 1;
            return None;
        };
        if !self.peers.allows_by(verdict, peer) {
            self.counters.peers_refused += 1;
            return None;
        }
        if !allocation.pass(now, Direction::ToPeer, data.len(), &self.limits) {
            self.counters.over_rate += 1;
            return None;
        }
        self.counters.datagrams_to_peers += 1;
        self.counters.bytes_to_peers += data.len() as u64;
        Some(Output::ToPeer {
            allocation: AllocationId(index),
            peer,
            data,
        })
    }
}
