//! What was agreed on with a peer, as long as it is there. Viewers with the same browser agree on the same, and a worker
//! has thousands of them: what is alike is kept once.

use std::sync::Arc;

use xrtc_rtp::Mid;
use xrtc_sdp::{Agreement, DtlsRole, Negotiated, NegotiatedTrack, RemoteTransport};

/// What was agreed on with one peer.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The peer's end of the transport: its own.
    pub(crate) remote: RemoteTransport,
    pub(crate) terms: Arc<Terms>,
}

/// What peers may have alike.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Without sources of ours: the peer's [`LocalParams`](xrtc_sdp::LocalParams) have them.
    pub(crate) tracks: Vec<NegotiatedTrack>,
    tagged: Mid,
    pub(crate) dtls_role: DtlsRole,
    pub(crate) agreement: Agreement,
}

impl Terms {
    /// The track in the section that carries the transport.
    pub(crate) fn tagged_track(&self) -> Option<&NegotiatedTrack> {
        self.tracks.iter().find(|track| track.mid == self.tagged)
    }
}

/// The terms of late, the latest first.
#[derive(Debug, Default)]
pub(crate) struct RecentTerms(Vec<Arc<Terms>>);

impl RecentTerms {
    /// Takes what was agreed on with a peer; where another has agreed on the same lately, that one's is kept.
    pub(crate) fn keep(&mut self, negotiated: Negotiated) -> Kept {
        let Negotiated {
            mut tracks,
            tagged,
            remote,
            dtls_role,
            agreement,
        } = negotiated;
        for track in &mut tracks {
            track.local = None;
        }
        let terms = Terms {
            tracks,
            tagged,
            dtls_role,
            agreement,
        };
        let terms = match self.0.iter().position(|known| **known == terms) {
            Some(place) => self.0.remove(place),
            None => {
                self.0.truncate(MAX_TERMS - 1);
                Arc::new(terms)
            }
        };
        self.0.insert(0, Arc::clone(&terms));
        Kept { remote, terms }
    }
}

/// As many kinds of browsers as are likely to come at a time; looking through them takes a few microseconds.
const MAX_TERMS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use xrtc_sdp::{
        Capabilities, Description, Fingerprint, IceCredentials, LocalParams, answer_push,
    };

    /// What is agreed on with a publisher whose audio has this payload type.
    fn negotiated(ufrag: &str, payload_type: u8) -> Negotiated {
        let offer = format!(
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF {payload_type}\r\na=mid:0\r\n\
             a=ice-ufrag:{ufrag}\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 AB:CD\r\na=setup:actpass\r\n\
             a=rtcp-mux\r\na=sendonly\r\na=rtpmap:{payload_type} opus/48000/2\r\n"
        );
        let credentials = IceCredentials::new("ours", "0123456789012345678901").unwrap();
        let fingerprint = Fingerprint::parse("sha-256 00:01").unwrap();
        let local = LocalParams::new(credentials, fingerprint);
        let offer = Description::parse(&offer).unwrap();
        answer_push(&offer, &Capabilities::default(), &local)
            .unwrap()
            .1
    }

    #[test]
    fn what_peers_agreed_on_alike_is_kept_once_and_their_own_apart() {
        let mut recent = RecentTerms::default();
        let [one, other, third] = [("abcd", 111), ("efgh", 111), ("ijkl", 96)]
            .map(|(ufrag, payload_type)| recent.keep(negotiated(ufrag, payload_type)));
        assert!(Arc::ptr_eq(&one.terms, &other.terms));
        assert!(!Arc::ptr_eq(&one.terms, &third.terms));
        assert_eq!(third.terms.tracks[0].codecs[0].payload_type.0, 96);
        assert_eq!(one.remote.credentials.ufrag(), "abcd");
        assert_eq!(other.remote.credentials.ufrag(), "efgh");
    }

    #[test]
    fn only_the_terms_of_late_are_remembered() {
        let mut recent = RecentTerms::default();
        let first = recent.keep(negotiated("abcd", 96));
        for payload_type in 97..96 + MAX_TERMS as u8 {
            recent.keep(negotiated("abcd", payload_type));
        }
        let again = recent.keep(negotiated("abcd", 96));
        assert!(Arc::ptr_eq(&first.terms, &again.terms));
        for payload_type in 97..=96 + MAX_TERMS as u8 {
            recent.keep(negotiated("abcd", payload_type));
        }
        assert_eq!(recent.0.len(), MAX_TERMS);
        let forgotten = recent.keep(negotiated("abcd", 96));
        assert!(!Arc::ptr_eq(&first.terms, &forgotten.terms));
    }
}
