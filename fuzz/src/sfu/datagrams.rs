//! Datagrams of strangers, of peers who lie, and of peers again.

use std::net::SocketAddr;

use xrtc_ice::stun::{AttributeType, Builder, Class, IntegrityKey, TransactionId};
use xrtc_rtp::{MediaKind, Ssrc};
use xrtc_sfu::Path;

use super::Life;
use crate::input::Input;
use crate::world::{EndId, PORT, STRANGERS};

impl Life {
    /// Bytes from an address that nobody has proved, or from a peer's, some of them a check for a peer of ours.
    pub(super) fn stranger(&mut self, input: &mut Input<'_>) {
        let kind = input.u8();
        let mut datagram = input.block().to_vec();
        let end = self.end(input);
        if kind & 2 != 0
            && let Some(end) = end
        {
            datagram = self.forged_check(end, &datagram);
        }
        let from = match end {
            Some(end) if kind & 4 != 0 => self.world.ends[end].nat,
            _ => SocketAddr::new(STRANGERS, 4_000 + u16::from(kind >> 3)),
        };
        self.strange_bytes += datagram.len();
        self.deliver(from, datagram);
    }

    fn deliver(&mut self, remote: SocketAddr, mut datagram: Vec<u8>) {
        if datagram.is_empty() {
            return;
        }
        let path = Path::udp(PORT, remote);
        self.world.deliver_up(path, &mut datagram);
        self.world.flush();
    }

    /// A check that somebody signed who does not know the password (or did not sign), with attributes of the input.
    fn forged_check(&self, end: EndId, attributes: &[u8]) -> Vec<u8> {
        let mut input = Input::new(attributes);
        let mut out = [0; 1_200];
        let mut builder = Builder::new(&mut out, Class::Request, TransactionId([input.u8(); 12]));
        let answer = &self.world.ends[end].answer;
        let ufrag = answer
            .lines()
            .find_map(|line| line.strip_prefix("a=ice-ufrag:"));
        builder = builder.username(ufrag.unwrap_or("nobody"), "else");
        let is_signed = input.flag();
        while input.len() > 3 {
            let kind = AttributeType(input.u16());
            builder = builder.attribute(kind, input.block());
        }
        if is_signed {
            builder = builder
                .integrity(&IntegrityKey::new("0123456789abcdef0123456789abcdef"))
                .fingerprint();
        }
        let len = builder.finish().unwrap_or(0);
        out[..len].to_vec()
    }

    /// RTCP of a peer who was let in: any bytes behind a header, about a source that it knows or another one.
    pub(super) fn send_rtcp(&mut self, input: &mut Input<'_>) {
        let Some(end) = self.end(input) else { return };
        let (source, mut packet) = (input.u8(), input.block().to_vec());
        packet.resize(packet.len().next_multiple_of(4).max(8), 0);
        packet[0] |= 0x80;
        packet[1] = 192 + packet[1] % 32;
        if source & 1 == 1 && packet.len() >= 12 {
            let ssrc = self.source(end, source >> 1).0.to_be_bytes();
            packet[8..12].copy_from_slice(&ssrc);
        }
        self.world.ends[end].browser.send_rtcp(packet);
        self.world.flush();
    }

    /// RTP of a peer who was let in, of any source and with any header.
    pub(super) fn send_rtp(&mut self, input: &mut Input<'_>) {
        let Some(end) = self.end(input) else { return };
        let (source, index) = (input.u8(), u64::from(input.u8()) << 7);
        let ssrc = if source & 1 == 1 {
            self.source(end, source >> 1)
        } else {
            Ssrc(source.into())
        };
        let bytes = input.block();
        let mut header = vec![0x80, 96 + (bytes.first().copied().unwrap_or(0) & 0x8f)];
        header.extend((index as u16).to_be_bytes());
        header.extend([0, 0, 0, 1]);
        header.extend(ssrc.0.to_be_bytes());
        let (mut extension, payload) = bytes.split_at(bytes.len().min(usize::from(source >> 4)));
        if !extension.is_empty() {
            header[0] |= 0x10;
            header.extend(if source & 8 == 0 {
                [0xbe, 0xde]
            } else {
                [0x10, 0]
            });
            extension = &extension[..extension.len() / 4 * 4];
            header.extend(((extension.len() / 4) as u16).to_be_bytes());
            header.extend(extension);
        }
        self.world.ends[end]
            .browser
            .send_rtp(ssrc, index, header, payload.to_vec());
        self.world.flush();
    }

    /// What a peer sends next comes twice, from elsewhere, or changed.
    pub(super) fn send_again(&mut self, input: &mut Input<'_>) {
        let Some(end) = self.end(input) else { return };
        let (how, at, with) = (input.u8(), usize::from(input.u8()), input.u8());
        let mut out = [0; 1_500];
        let now = self.world.now;
        let Some(transmit) = self.world.ends[end].browser.poll_transmit(now, &mut out) else {
            return;
        };
        let mut datagram = out[..transmit.len].to_vec();
        let from = self.world.ends[end].nat;
        if how & 1 == 1 {
            self.deliver(from, datagram.clone());
        }
        let at = at % datagram.len();
        datagram[at] ^= with;
        let from = if how & 2 == 0 {
            from
        } else {
            SocketAddr::from(([198, 51, 100, 7], 9))
        };
        self.strange_bytes += datagram.len();
        self.deliver(from, datagram.clone());
        if how & 4 == 4 {
            // As if another worker had received it.
            let path = Path::udp(PORT, from);
            let via = self.worker(usize::from(how >> 3));
            let worker = self.world.ends[end].worker;
            self.strange_bytes += datagram.len();
            self.world.workers[worker]
                .sfu
                .handle_detoured(now, via, path, &mut datagram);
            self.world.flush();
        }
    }

    /// A source that this peer sends or receives.
    fn source(&self, end: EndId, which: u8) -> Ssrc {
        let kind = if which & 1 == 0 {
            MediaKind::Video
        } else {
            MediaKind::Audio
        };
        let viewer = self.world.ends[end].browser.viewer();
        let received = viewer.and_then(|viewer| Some(viewer.source(kind)?.ssrc));
        received.unwrap_or(Ssrc(u32::from(which)))
    }
}
