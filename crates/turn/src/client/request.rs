//! What a client asks (RFC 8656 §7.1, §8.1, §10.1, §12.1).

use std::net::{IpAddr, SocketAddr};

use xrtc_ice::stun::{AttributeType, Builder, Class, TransactionId};

use super::TurnClient;
use super::transaction::Question;

impl TurnClient {
    /// Writes a request; its length.
    pub(super) fn write(
        &self,
        id: TransactionId,
        question: Question,
        out: &mut [u8],
    ) -> Option<usize> {
        let request = Builder::of(out, question.method(), Class::Request, id);
        let asked = match question {
            Question::Allocate if self.wants_ipv6 => request
                .attribute(AttributeType::REQUESTED_TRANSPORT, &UDP)
                .attribute(AttributeType::REQUESTED_ADDRESS_FAMILY, &IPV6),
            Question::Allocate => request.attribute(AttributeType::REQUESTED_TRANSPORT, &UDP),
            Question::Refresh => request,
            Question::Release => request.attribute(AttributeType::LIFETIME, &[0; 4]),
            Question::Permit(ip) => {
                request.xor_address(AttributeType::XOR_PEER_ADDRESS, any_port(ip))
            }
            Question::Bind(peer, number) => {
                let [high, low] = number.to_be_bytes();
                request
                    .attribute(AttributeType::CHANNEL_NUMBER, &[high, low, 0, 0])
                    .xor_address(AttributeType::XOR_PEER_ADDRESS, peer)
            }
        };
        let Some(challenge) = &self.challenge else {
            return asked.finish();
        };
        asked
            .attribute(AttributeType::USERNAME, self.username.as_bytes())
            .attribute(AttributeType::REALM, &challenge.realm)
            .attribute(AttributeType::NONCE, &challenge.nonce)
            .integrity(&challenge.key)
            .finish()
    }
}

/// RFC 8656 §10.1: the port of a permission is ignored.
const fn any_port(ip: IpAddr) -> SocketAddr {
    SocketAddr::new(ip, 0)
}

/// RFC 8656 §18.8: a protocol number, and three bytes of nothing.
const UDP: [u8; 4] = [17, 0, 0, 0];
/// RFC 8656 §18.6.
const IPV6: [u8; 4] = [2, 0, 0, 0];
