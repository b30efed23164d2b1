//! Session descriptions as a browser writes them.

use std::fmt::Write as _;

use xrtc_rtp::{Codec, MediaKind, Ssrc};

/// What a description says.
#[derive(Clone, Debug)]
pub(crate) struct Text<'a> {
    pub(crate) ufrag: &'a str,
    pub(crate) pwd: &'a str,
    pub(crate) fingerprint: &'a str,
    pub(crate) setup: &'a str,
    pub(crate) is_lite: bool,
    pub(crate) cryptex: bool,
    pub(crate) candidates: &'a [String],
    pub(crate) sections: Vec<SectionText>,
}

/// What an m-section says.
#[derive(Clone, Debug)]
pub(crate) struct SectionText {
    pub(crate) kind: MediaKind,
    pub(crate) mid: String,
    pub(crate) direction: &'static str,
    pub(crate) formats: Vec<FormatText>,
    /// Source and retransmission source.
    pub(crate) sources: Vec<(Ssrc, Option<Ssrc>)>,
    pub(crate) rids: Vec<String>,
    /// `a=extmap` lines; only what was offered may be answered.
    pub(crate) extensions: Vec<(u8, String)>,
    /// Port 0.
    pub(crate) is_rejected: bool,
}

/// A payload type and, if there is one, its retransmission.
#[derive(Clone, Debug)]
pub(crate) struct FormatText {
    pub(crate) codec: Codec,
    pub(crate) payload_type: u8,
    pub(crate) rtx: Option<u8>,
    pub(crate) has_nack: bool,
    pub(crate) has_transport_cc: bool,
}

impl FormatText {
    /// The payload types that Chromium likes.
    pub(crate) fn new(codec: Codec, has_nack: bool, has_rtx: bool) -> Self {
        let (payload_type, rtx) = match codec {
            Codec::Vp8 => (96, Some(97)),
            Codec::H264 => (103, Some(104)),
            _ => (111, None),
        };
        Self {
            codec,
            payload_type,
            rtx: rtx.filter(|_| has_rtx),
            has_nack,
            has_transport_cc: true,
        }
    }

    fn write(&self, out: &mut String) {
        let (number, name) = (self.payload_type, self.codec.name());
        let mut line = |text: String| {
            out.push_str(&text);
            out.push_str("\r\n");
        };
        let feedback = |kind: &str| format!("a=rtcp-fb:{number} {kind}");
        if self.codec.kind() == MediaKind::Audio {
            line(format!("a=rtpmap:{number} {name}/48000/2"));
            line(format!("a=fmtp:{number} minptime=10;useinbandfec=1"));
            if self.has_transport_cc {
                line(feedback("transport-cc"));
            }
            return;
        }
        line(format!("a=rtpmap:{number} {name}/90000"));
        if self.codec == Codec::H264 {
            line(format!(
                "a=fmtp:{number} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
            ));
        }
        line(feedback("goog-remb"));
        if self.has_transport_cc {
            line(feedback("transport-cc"));
        }
        line(feedback("ccm fir"));
        if self.has_nack {
            line(feedback("nack"));
        }
        line(feedback("nack pli"));
        if let Some(rtx) = self.rtx {
            line(format!("a=rtpmap:{rtx} rtx/90000"));
            line(format!("a=fmtp:{rtx} apt={number}"));
        }
    }
}

impl Text<'_> {
    pub(crate) fn write(&self) -> String {
        let mids: Vec<_> = self
            .sections
            .iter()
            .filter(|section| !section.is_rejected)
            .map(|s| s.mid.as_str())
            .collect();
        let mut out = format!(
            "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n\
             a=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n",
            mids.join(" ")
        );
        if self.is_lite {
            out.push_str("a=ice-lite\r\n");
        }
        if self.cryptex {
            out.push_str("a=cryptex\r\n");
        }
        for section in &self.sections {
            self.write_section(section, &mut out);
        }
        out
    }

    fn write_section(&self, section: &SectionText, out: &mut String) {
        let numbers = section
            .formats
            .iter()
            .flat_map(|format| [Some(format.payload_type), format.rtx]);
        let numbers: Vec<_> = numbers.flatten().map(|number| number.to_string()).collect();
        let kind = section.kind.name();
        let port = if section.is_rejected { 0 } else { 9 };
        let numbers = if numbers.is_empty() {
            "0".to_owned()
        } else {
            numbers.join(" ")
        };
        let _ = write!(
            out,
            "m={kind} {port} UDP/TLS/RTP/SAVPF {numbers}\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
             a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=ice-options:trickle\r\na=fingerprint:sha-256 {}\r\na=setup:{}\r\n\
             a=mid:{}\r\na={}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n",
            self.ufrag, self.pwd, self.fingerprint, self.setup, section.mid, section.direction
        );
        for candidate in self.candidates {
            let _ = write!(out, "a={candidate}\r\n");
        }
        for (id, uri) in &section.extensions {
            let _ = write!(out, "a=extmap:{id} {uri}\r\n");
        }
        for format in &section.formats {
            format.write(out);
        }
        if section.rids.is_empty() {
            for (ssrc, rtx) in &section.sources {
                if let Some(rtx) = rtx {
                    let _ = write!(out, "a=ssrc-group:FID {} {}\r\n", ssrc.0, rtx.0);
                }
                for ssrc in [Some(*ssrc), *rtx].into_iter().flatten() {
                    let _ = write!(
                        out,
                        "a=ssrc:{} cname:testkit\r\na=ssrc:{} msid:- {kind}\r\n",
                        ssrc.0, ssrc.0
                    );
                }
            }
            return;
        }
        for rid in &section.rids {
            let _ = write!(out, "a=rid:{rid} send\r\n");
        }
        let _ = write!(out, "a=simulcast:send {}\r\n", section.rids.join(";"));
    }
}
