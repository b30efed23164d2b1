//! From the model to text, through `rtc-sdp`.

use rtc_sdp::description::common::{Address, Attribute, Bandwidth, ConnectionInformation};
use rtc_sdp::description::media::{MediaDescription, MediaName, RangedPort};
use rtc_sdp::description::session::{Origin, SessionDescription, TimeDescription};
use xrtc_rtp::Bitrate;

use crate::format::PayloadFormat;
use crate::transport::TransportDescription;

use super::{Description, Section, SourceDescription};

/// The text of a description: CRLF line ends, `v=0` first.
pub(super) fn print(description: &Description) -> String {
    let mut attributes = Attributes::default();
    attributes.flag("ice-lite", description.ice_lite);
    if let Some(mids) = &description.bundle {
        let list = mids
            .iter()
            .fold("BUNDLE".to_owned(), |list, mid| format!("{list} {mid}"));
        attributes.value("group", list);
    }
    attributes.flag("extmap-allow-mixed", description.extmap_allow_mixed);
    // RFC 8830 dropped it, but libwebrtc before unified plan reads msid only when it is there.
    attributes.value("msid-semantic", " WMS *");
    let session = SessionDescription {
        origin: Origin {
            username: description.origin.username.clone(),
            session_id: description.origin.session_id,
            session_version: description.origin.version,
            network_type: "IN".to_owned(),
            address_type: "IP4".to_owned(),
            unicast_address: "0.0.0.0".to_owned(),
        },
        session_name: "-".to_owned(),
        time_descriptions: vec![TimeDescription::default()],
        attributes: attributes.0,
        media_descriptions: description.sections.iter().map(media).collect(),
        ..SessionDescription::default()
    };
    session.marshal()
}

fn media(section: &Section) -> MediaDescription {
    let mut attributes = Attributes::default();
    let transport = &section.transport;
    ice(&mut attributes, transport);
    media_attributes(&mut attributes, section);
    for format in &section.formats {
        payload_format(&mut attributes, format);
    }
    encodings(&mut attributes, section);
    for candidate in &transport.candidates {
        let value = candidate.strip_prefix("candidate:").unwrap_or(candidate);
        attributes.value("candidate", value);
    }
    attributes.flag("end-of-candidates", transport.end_of_candidates);

    let line = &section.media;
    MediaDescription {
        media_name: MediaName {
            media: line.media.clone(),
            port: RangedPort {
                value: line.port.try_into().unwrap_or(0),
                range: None,
            },
            protos: line.protocol.split('/').map(str::to_owned).collect(),
            formats: line.formats.clone(),
        },
        connection_information: Some(nowhere()),
        bandwidth: section.bandwidth.map(tias).into_iter().collect(),
        attributes: attributes.0,
        ..MediaDescription::default()
    }
}

/// `c=`: the address is ICE's business (RFC 9429 §5.2.1).
fn nowhere() -> ConnectionInformation {
    ConnectionInformation {
        network_type: "IN".to_owned(),
        address_type: "IP4".to_owned(),
        address: Some(Address {
            address: "0.0.0.0".to_owned(),
            ttl: None,
            range: None,
        }),
    }
}

fn tias(limit: Bitrate) -> Bandwidth {
    Bandwidth {
        experimental: false,
        bandwidth_type: "TIAS".to_owned(),
        bandwidth: limit.0,
    }
}

fn media_attributes(attributes: &mut Attributes, section: &Section) {
    if let Some(mid) = section.mid {
        attributes.value("mid", mid);
    }
    attributes.flag("bundle-only", section.bundle_only);
    for extension in &section.extensions {
        let direction = extension.direction;
        let suffix = direction.map_or(String::new(), |direction| format!("/{direction}"));
        attributes.value(
            "extmap",
            format!("{}{suffix} {}", extension.id, extension.uri),
        );
    }
    attributes.flag("extmap-allow-mixed", section.extmap_allow_mixed);
    attributes.flag(section.direction.name(), true);
    if let Some(msid) = &section.msid {
        attributes.value("msid", msid);
    }
    attributes.flag("rtcp-mux", section.rtcp.mux);
    attributes.flag("rtcp-mux-only", section.rtcp.mux_only);
    attributes.flag("rtcp-rsize", section.rtcp.reduced_size);
}

fn encodings(attributes: &mut Attributes, section: &Section) {
    for rid in &section.rids {
        attributes.value("rid", rid);
    }
    if let Some(simulcast) = &section.simulcast {
        attributes.value("simulcast", simulcast);
    }
    for group in &section.groups {
        let mut list = group.semantics.clone();
        for ssrc in &group.ssrcs {
            list.push_str(&format!(" {}", ssrc.0));
        }
        attributes.value("ssrc-group", list);
    }
    for source in &section.sources {
        declare_source(attributes, source);
    }
}

fn ice(attributes: &mut Attributes, transport: &TransportDescription) {
    if let Some(credentials) = &transport.credentials {
        attributes.value("ice-ufrag", credentials.ufrag());
        attributes.value("ice-pwd", credentials.pwd());
    }
    if !transport.ice_options.is_empty() {
        attributes.value("ice-options", transport.ice_options.join(" "));
    }
    for fingerprint in &transport.fingerprints {
        attributes.value("fingerprint", fingerprint);
    }
    if let Some(setup) = transport.setup {
        attributes.value("setup", setup.name());
    }
    if let Some(tls_id) = &transport.tls_id {
        attributes.value("tls-id", tls_id);
    }
    attributes.flag("cryptex", transport.cryptex);
}

fn payload_format(attributes: &mut Attributes, format: &PayloadFormat) {
    let number = format.payload_type.0;
    let channels = format
        .channels
        .map_or(String::new(), |channels| format!("/{channels}"));
    attributes.value(
        "rtpmap",
        format!("{number} {}/{}{channels}", format.name, format.clock_rate),
    );
    for feedback in format.feedback.names() {
        attributes.value("rtcp-fb", format!("{number} {feedback}"));
    }
    if !format.fmtp.is_empty() {
        attributes.value("fmtp", format!("{number} {}", format.fmtp));
    }
}

fn declare_source(attributes: &mut Attributes, source: &SourceDescription) {
    let ssrc = source.ssrc.0;
    if let Some(cname) = &source.cname {
        attributes.value("ssrc", format!("{ssrc} cname:{cname}"));
    }
    if let Some(msid) = &source.msid {
        attributes.value("ssrc", format!("{ssrc} msid:{msid}"));
    }
    if source.cname.is_none() && source.msid.is_none() {
        attributes.value("ssrc", ssrc);
    }
}

#[derive(Default)]
struct Attributes(Vec<Attribute>);

impl Attributes {
    fn flag(&mut self, key: &str, is_set: bool) {
        if is_set {
            self.0.push(Attribute::new(key.to_owned(), None));
        }
    }

    fn value(&mut self, key: &str, value: impl ToString) {
        self.0
            .push(Attribute::new(key.to_owned(), Some(value.to_string())));
    }
}
