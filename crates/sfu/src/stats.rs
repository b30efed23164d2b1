//! The figures of one peer, as an `RTCStatsReport` has them.

use std::time::Duration;

use xrtc_forward::{Format, InboundStats, OutboundStats, RemoteInboundStats};
use xrtc_rtp::{MediaKind, PayloadType, Time};
use xrtc_sdp::NegotiatedCodec;

use crate::discard::Totals;
use crate::formats::format;
use crate::peer::{Peer, Role};
use crate::sfu::Sfu;
use crate::streams::StreamEntry;
use crate::{Event, LayerInfo, Path, PeerId, Refused, RequestId, StatsRecord, StatsValue};

impl Sfu {
    pub(crate) fn get_stats(
        &mut self,
        now: Time,
        request: RequestId,
        id: PeerId,
    ) -> Result<(), Refused> {
        let peer = self
            .peer_ids
            .get(&id)
            .and_then(|key| self.peers.get(*key))
            .ok_or(Refused::UnknownPeer)?;
        let unix = self.config.wall.unix_nanos_at_zero;
        let mut report = Report {
            timestamp_ms: unix as f64 / 1e6 + millis(now),
            records: Vec::new(),
        };
        report.transport(peer);
        let entry = peer.stream().and_then(|stream| self.streams.get(stream));
        match (&peer.role, entry) {
            (Role::Publisher(_), Some(entry)) => {
                for inbound in entry.media.stats(now).inbound {
                    report.inbound(peer, &inbound, unix);
                }
            }
            (Role::Viewer(viewer), Some(entry)) => {
                let stats = viewer
                    .subscription
                    .and_then(|viewer| entry.media.viewer_stats(viewer));
                for outbound in stats.into_iter().flat_map(|stats| stats.outbound) {
                    report.outbound(peer, &outbound);
                }
            }
            (_, None) => {}
        }
        self.events.push(Event::Stats {
            request,
            peer: id,
            records: report.records,
        });
        Ok(())
    }

    /// All counters: of what has gone, and of what is there.
    pub(crate) fn counters(&self, now: Time) -> Vec<(String, u64)> {
        let mut totals: Totals = self.totals.clone();
        for (_, peer) in &self.peers {
            totals.add_transport(&peer.transport);
        }
        for (_, transport) in &self.farewells {
            totals.add_transport(transport);
        }
        for (_, entry) in self.streams.iter() {
            totals.add_stream(&entry.media, now);
        }
        totals.list()
    }
}

impl StreamEntry {
    /// The layers of a publisher's track.
    pub(crate) fn layers(&self, now: Time, track: usize) -> Vec<LayerInfo> {
        let Some(published) = self
            .home()
            .and_then(|home| home.publisher.as_ref()?.tracks.get(track))
        else {
            return Vec::new();
        };
        let stats = self.media.stats(now);
        let of_track: Vec<_> = stats
            .inbound
            .iter()
            .filter(|layer| usize::from(layer.track.0) == track)
            .collect();
        let info = |rid: &str, layer: Option<&&InboundStats>| {
            let (width, height) = layer.and_then(|layer| layer.resolution).unwrap_or_default();
            LayerInfo {
                rid: rid.to_owned(),
                live: layer.is_some_and(|layer| layer.live),
                width,
                height,
            }
        };
        if published.rids.is_empty() {
            return vec![info("", of_track.first())];
        }
        let by_rid = |rid: &str| {
            of_track
                .iter()
                .find(|layer| layer.rid.is_some_and(|other| other.as_str() == rid))
        };
        published
            .rids
            .iter()
            .map(|rid| info(rid, by_rid(rid)))
            .collect()
    }
}

/// A report in the making.
struct Report {
    timestamp_ms: f64,
    records: Vec<StatsRecord>,
}

type Field = (&'static str, StatsValue);

impl Report {
    fn add(
        &mut self,
        kind: &'static str,
        id: String,
        fields: impl IntoIterator<Item = Field>,
    ) -> String {
        let fields = fields.into_iter().collect();
        self.records.push(StatsRecord {
            id: id.clone(),
            kind,
            timestamp_ms: self.timestamp_ms,
            fields,
        });
        id
    }

    fn transport(&mut self, peer: &Peer) {
        let pair = peer
            .transport
            .path()
            .map(|path| self.candidate_pair(peer, path));
        let traffic = peer.traffic;
        let mut fields = vec![
            number("packetsSent", traffic.packets_sent),
            number("packetsReceived", traffic.packets_received),
            number("bytesSent", traffic.bytes_sent),
            number("bytesReceived", traffic.bytes_received),
            number("selectedCandidatePairChanges", traffic.path_changes),
            text("iceState", peer.states.ice.name()),
            text("dtlsState", peer.states.dtls.name()),
            text("iceRole", peer.transport.ice().role().name()),
            text(
                "iceLocalUsernameFragment",
                peer.transport.ice().local().ufrag(),
            ),
        ];
        fields.extend(pair.map(|pair| text("selectedCandidatePairId", &pair)));
        fields.extend(
            peer.transport
                .profile()
                .map(|profile| text("srtpCipher", profile.name())),
        );
        self.add("transport", TRANSPORT.to_owned(), fields);
    }

    fn candidate_pair(&mut self, peer: &Peer, path: Path) -> String {
        let protocol = path.protocol.name();
        let candidate = |address: std::net::SocketAddr, kind: &str| {
            vec![
                text("transportId", TRANSPORT),
                text("address", &address.ip().to_string()),
                number("port", address.port()),
                text("protocol", protocol),
                text("candidateType", kind),
            ]
        };
        let url = peer.ice.relay_url(&path);
        let mut ours = candidate(path.local, if url.is_some() { "relay" } else { "host" });
        ours.extend(
            url.into_iter()
                .flat_map(|url| [text("relayProtocol", "udp"), text("url", url)]),
        );
        let local = self.add(
            "local-candidate",
            format!("L{protocol}:{}", path.local),
            ours,
        );
        let remote = self.add(
            "remote-candidate",
            format!("R{protocol}:{}", path.remote),
            candidate(path.remote, peer.transport.ice().remote_kind(path).name()),
        );
        let traffic = peer.traffic;
        let mut fields = vec![
            text("transportId", TRANSPORT),
            text("localCandidateId", &local),
            text("remoteCandidateId", &remote),
            text("state", "succeeded"),
            flag("nominated", true),
            number("packetsSent", traffic.packets_sent),
            number("packetsReceived", traffic.packets_received),
            number("bytesSent", traffic.bytes_sent),
            number("bytesReceived", traffic.bytes_received),
        ];
        fields.extend(
            peer.transport
                .ice()
                .rtt()
                .map(|rtt| seconds("currentRoundTripTime", rtt)),
        );
        self.add(
            "candidate-pair",
            format!("P{}-{}", path.local, path.remote),
            fields,
        )
    }

    fn inbound(&mut self, peer: &Peer, layer: &InboundStats, unix: u64) {
        let codec = self.codec(peer, layer.format, layer.payload_type);
        let id = format!("I{}-{}", layer.track.0, layer.layer.0);
        let mut fields = stream_fields(
            layer.kind,
            layer.ssrc.0,
            layer.rtx_ssrc.map(|ssrc| ssrc.0),
            codec,
        );
        fields.extend(layer.mid.map(|mid| text("mid", mid.as_str())));
        fields.extend(layer.rid.map(|rid| text("rid", rid.as_str())));
        fields.extend([
            number("packetsReceived", layer.packets_received),
            number("bytesReceived", layer.bytes_received),
            number("headerBytesReceived", layer.header_bytes_received),
            number(
                "retransmittedPacketsReceived",
                layer.retransmitted_packets_received,
            ),
            number(
                "retransmittedBytesReceived",
                layer.retransmitted_bytes_received,
            ),
            ("packetsLost", StatsValue::Number(layer.packets_lost as f64)),
            seconds("jitter", layer.jitter),
            number("nackCount", layer.nack_count),
            number("bitrateBps", layer.bitrate.0),
            flag("live", layer.live),
        ]);
        if layer.kind == MediaKind::Video {
            fields.extend([
                number("framesReceived", layer.frames_received),
                number("keyFramesReceived", layer.key_frames),
                number("pliCount", layer.pli_count),
                number("firCount", layer.fir_count),
            ]);
            fields.extend(resolution(layer.resolution));
        }
        fields.extend(layer.last_packet.map(|time| {
            (
                "lastPacketReceivedTimestamp",
                StatsValue::Number(unix as f64 / 1e6 + millis(time)),
            )
        }));
        self.add("inbound-rtp", id, fields);
    }

    fn outbound(&mut self, peer: &Peer, track: &OutboundStats) {
        let codec = self.codec(peer, track.format, track.payload_type);
        let id = format!("O{}", track.ssrc.0);
        let remote = track
            .remote
            .map(|remote| self.remote_inbound(track, &remote, &id, codec.as_deref()));
        let mut fields = stream_fields(
            track.kind,
            track.ssrc.0,
            track.rtx_ssrc.map(|ssrc| ssrc.0),
            codec,
        );
        fields.extend(track.mid.map(|mid| text("mid", mid.as_str())));
        fields.extend(remote.map(|remote| text("remoteId", &remote)));
        fields.extend(track.layer.map(|layer| number("layer", layer.0)));
        fields.extend([
            number("packetsSent", track.packets_sent),
            number("bytesSent", track.bytes_sent),
            number("headerBytesSent", track.header_bytes_sent),
            number("retransmittedPacketsSent", track.retransmitted_packets_sent),
            number("retransmittedBytesSent", track.retransmitted_bytes_sent),
            number("nackCount", track.nack_count),
        ]);
        if track.kind == MediaKind::Video {
            fields.extend([
                number("framesSent", track.frames_sent),
                number("keyFramesSent", track.key_frames_sent),
                number("pliCount", track.pli_count),
                number("firCount", track.fir_count),
            ]);
            fields.extend(resolution(track.resolution));
        }
        self.add("outbound-rtp", id, fields);
    }

    fn remote_inbound(
        &mut self,
        track: &OutboundStats,
        remote: &RemoteInboundStats,
        local: &str,
        codec: Option<&str>,
    ) -> String {
        let mut fields = stream_fields(track.kind, track.ssrc.0, None, codec.map(str::to_owned));
        fields.extend([
            text("localId", local),
            (
                "packetsLost",
                StatsValue::Number(remote.packets_lost.into()),
            ),
            (
                "fractionLost",
                StatsValue::Number(remote.fraction_lost.into()),
            ),
            seconds("jitter", remote.jitter),
            seconds("totalRoundTripTime", remote.total_round_trip_time),
            number(
                "roundTripTimeMeasurements",
                remote.round_trip_time_measurements,
            ),
        ]);
        fields.extend(
            remote
                .round_trip_time
                .map(|rtt| seconds("roundTripTime", rtt)),
        );
        self.add("remote-inbound-rtp", format!("RI{}", track.ssrc.0), fields)
    }

    /// The record of a codec, made when it is first named.
    fn codec(
        &mut self,
        peer: &Peer,
        sent: Option<Format>,
        payload_type: Option<PayloadType>,
    ) -> Option<String> {
        let (sent, payload_type) = (sent?, payload_type?);
        let id = format!("C{}", payload_type.0);
        if self.records.iter().any(|record| record.id == id) {
            return Some(id);
        }
        let agreed = peer
            .agreed
            .iter()
            .flat_map(|agreed| &agreed.terms.tracks)
            .flat_map(|track| &track.codecs);
        let is_same = |codec: &&NegotiatedCodec| {
            codec.payload_type == payload_type && codec.codec == sent.codec
        };
        let mut matching = agreed.filter(is_same);
        let codec = matching.next()?;
        let exact = matching
            .find(|other| format(other.key) == sent)
            .unwrap_or(codec);
        let mut fields = vec![
            text("transportId", TRANSPORT),
            number("payloadType", payload_type.0),
            text(
                "mimeType",
                &format!("{}/{}", exact.codec.kind().name(), exact.codec.name()),
            ),
            number("clockRate", exact.clock_rate),
        ];
        fields.extend(exact.channels.map(|channels| number("channels", channels)));
        fields.extend((!exact.fmtp.is_empty()).then(|| text("sdpFmtpLine", exact.fmtp.as_str())));
        Some(self.add("codec", id, fields))
    }
}

fn stream_fields(
    kind: MediaKind,
    ssrc: u32,
    rtx: Option<u32>,
    codec: Option<String>,
) -> Vec<Field> {
    let mut fields = vec![
        text("transportId", TRANSPORT),
        text("kind", kind.name()),
        number("ssrc", ssrc),
    ];
    fields.extend(rtx.map(|ssrc| number("rtxSsrc", ssrc)));
    fields.extend(codec.map(|codec| text("codecId", &codec)));
    fields
}

fn resolution(resolution: Option<(u16, u16)>) -> impl Iterator<Item = Field> {
    let fields = resolution
        .map(|(width, height)| [number("frameWidth", width), number("frameHeight", height)]);
    fields.into_iter().flatten()
}

fn number(name: &'static str, value: impl IntoF64) -> Field {
    (name, StatsValue::Number(value.into_f64()))
}

fn text(name: &'static str, value: &str) -> Field {
    (name, StatsValue::Text(value.to_owned()))
}

const fn flag(name: &'static str, value: bool) -> Field {
    (name, StatsValue::Flag(value))
}

fn seconds(name: &'static str, value: Duration) -> Field {
    (name, StatsValue::Number(value.as_secs_f64()))
}

fn millis(time: Time) -> f64 {
    time.as_nanos() as f64 / 1e6
}

/// JavaScript's numbers hold counts to 2^53, which no counter here reaches.
trait IntoF64 {
    fn into_f64(self) -> f64;
}

macro_rules! into_f64 {
    ($($type:ty),*) => { $(impl IntoF64 for $type { fn into_f64(self) -> f64 { self as f64 } })* };
}

into_f64!(u8, u16, u32, u64);

/// The id of the one transport that a peer has.
const TRANSPORT: &str = "T0";
