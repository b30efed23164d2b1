//! `application/trickle-ice-sdpfrag` (RFC 8840 §9): the body of a trickle or restart request, and of its reply.

use std::fmt;

use xrtc_rtp::Mid;

use crate::description::{MediaLine, TransportParser, lines};
use crate::error::{InvalidDescription, InvalidReason};
use crate::limits;
use crate::local::LocalParams;
use crate::negotiated::NegotiatedTrack;
use crate::transport::{IceCredentials, TransportDescription};

/// A fragment of a session description: ICE attributes and nothing else.
///
/// Clients differ in it: credentials stand on the session level or in a section, the m-line names whatever protocol,
/// one writes a single section and another all of them. Whatever else is in it is ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fragment {
    /// `a=ice-lite`.
    pub ice_lite: bool,
    /// The attributes before the first m-line.
    pub session: TransportDescription,
    /// The m-sections.
    pub sections: Vec<FragmentSection>,
}

/// An m-section of a fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FragmentSection {
    /// The m-line, of which only the presence counts.
    pub media: MediaLine,
    /// `a=mid`.
    pub mid: Option<Mid>,
    /// ICE attributes; not those of the session level.
    pub transport: TransportDescription,
}

impl Fragment {
    /// Reads a fragment.
    ///
    /// # Errors
    ///
    /// What has not the form of SDP lines, has broken credentials, exceeds the [`limits`], or has neither
    /// credentials nor candidates nor their end.
    pub fn parse(text: &str) -> Result<Self, InvalidDescription> {
        let mut fragment = Self::default();
        let mut last = 1;
        let mut parser = TransportParser::default();
        for line in lines(text)? {
            last = line.number;
            let invalid = |reason| InvalidDescription {
                line: line.number,
                reason,
            };
            let (key, value) = line.value.split_once(':').unwrap_or((line.value, ""));
            match (line.kind, key) {
                (b'm', _) => {
                    fragment.close(std::mem::take(&mut parser))?;
                    if fragment.sections.len() >= limits::MAX_SECTIONS {
                        return Err(invalid(InvalidReason::TooManySections));
                    }
                    let media = MediaLine::parse(line.value)
                        .ok_or_else(|| invalid(InvalidReason::MediaLine))?;
                    let transport = TransportDescription::default();
                    fragment.sections.push(FragmentSection {
                        media,
                        mid: None,
                        transport,
                    });
                }
                (b'a', "ice-lite") => fragment.ice_lite = true,
                (b'a', "mid") => {
                    let mid = Mid::new(value.trim()).ok_or_else(|| invalid(InvalidReason::Mid))?;
                    if let Some(section) = fragment.sections.last_mut() {
                        section.mid = Some(mid);
                    }
                }
                (b'a', key) => parser.attribute(key, value.trim(), line.number)?,
                _ => {}
            }
        }
        fragment.close(parser)?;
        let is_useful = fragment.credentials().is_some()
            || fragment.end_of_candidates()
            || fragment.candidates().next().is_some();
        is_useful.then_some(fragment).ok_or(InvalidDescription {
            line: last,
            reason: InvalidReason::NothingForIce,
        })
    }

    /// Our reply to a restart: new credentials and all candidates, in the section of `tagged`, which carries the transport
    /// (RFC 9725 §4.3.3).
    pub fn reply(local: &LocalParams, tagged: Option<&NegotiatedTrack>) -> Self {
        let mut transport = TransportDescription {
            credentials: Some(local.credentials.clone()),
            candidates: local.ordered_candidates(),
            end_of_candidates: true,
            ..TransportDescription::default()
        };
        let session = TransportDescription {
            ice_options: local.ice_options(),
            ..TransportDescription::default()
        };
        let sections = tagged.map(|track| FragmentSection {
            media: MediaLine {
                media: track.kind.name().to_owned(),
                port: 9,
                protocol: "UDP/TLS/RTP/SAVPF".to_owned(),
                formats: vec!["0".to_owned()],
            },
            mid: Some(track.mid),
            transport: std::mem::take(&mut transport),
        });
        Self {
            ice_lite: local.ice_lite,
            session,
            sections: sections.into_iter().collect(),
        }
    }

    /// The credentials: the first section's that has some, else the session's. Bundled sections share them.
    pub fn credentials(&self) -> Option<&IceCredentials> {
        let sections = self.sections.iter().map(|section| &section.transport);
        sections
            .chain([&self.session])
            .find_map(|transport| transport.credentials.as_ref())
    }

    /// Whether this is a restart for a peer with the credentials `current`: they have changed (RFC 9725 §4.3.3).
    /// Nothing else tells; `If-Match: *` does not.
    pub fn is_restart(&self, current: &IceCredentials) -> bool {
        self.credentials()
            .is_some_and(|credentials| credentials != current)
    }

    /// The candidates of all sections, `candidate:…`. With BUNDLE they are all one transport's.
    pub fn candidates(&self) -> impl Iterator<Item = &str> {
        self.transports()
            .flat_map(|transport| transport.candidates.iter().map(String::as_str))
    }

    /// Whether no more candidates come in this generation.
    pub fn end_of_candidates(&self) -> bool {
        self.transports()
            .any(|transport| transport.end_of_candidates)
    }

    fn transports(&self) -> impl Iterator<Item = &TransportDescription> {
        std::iter::once(&self.session).chain(self.sections.iter().map(|section| &section.transport))
    }

    /// Gives the attributes read so far to the session level or the section that they stood in.
    fn close(&mut self, parser: TransportParser) -> Result<(), InvalidDescription> {
        let mut transport = parser.finish()?;
        // A fragment cannot change DTLS (RFC 9725 §4.3.3).
        transport.fingerprints.clear();
        transport.setup = None;
        transport.tls_id = None;
        transport.cryptex = false;
        match self.sections.last_mut() {
            Some(section) => section.transport = transport,
            None => self.session = transport,
        }
        Ok(())
    }
}

impl fmt::Display for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ice_lite {
            f.write_str("a=ice-lite\r\n")?;
        }
        print_transport(f, &self.session)?;
        let mids: Vec<_> = self
            .sections
            .iter()
            .filter_map(|section| section.mid)
            .collect();
        if !mids.is_empty() {
            f.write_str("a=group:BUNDLE")?;
            mids.iter().try_for_each(|mid| write!(f, " {mid}"))?;
            f.write_str("\r\n")?;
        }
        for section in &self.sections {
            let media = &section.media;
            write!(f, "m={} {} {}", media.media, media.port, media.protocol)?;
            media
                .formats
                .iter()
                .try_for_each(|format| write!(f, " {format}"))?;
            f.write_str("\r\n")?;
            if let Some(mid) = section.mid {
                write!(f, "a=mid:{mid}\r\n")?;
            }
            print_transport(f, &section.transport)?;
        }
        Ok(())
    }
}

fn print_transport(f: &mut fmt::Formatter<'_>, transport: &TransportDescription) -> fmt::Result {
    if let Some(credentials) = &transport.credentials {
        write!(
            f,
            "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n",
            credentials.ufrag(),
            credentials.pwd()
        )?;
    }
    if !transport.ice_options.is_empty() {
        write!(f, "a=ice-options:{}\r\n", transport.ice_options.join(" "))?;
    }
    for candidate in &transport.candidates {
        write!(f, "a={candidate}\r\n")?;
    }
    if transport.end_of_candidates {
        f.write_str("a=end-of-candidates\r\n")?;
    }
    Ok(())
}
