//! The ICE and DTLS side of a description.

use std::fmt;

use crate::limits;

/// A pair of `ice-ufrag` and `ice-pwd` (RFC 8839 §5.4).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IceCredentials {
    ufrag: String,
    pwd: String,
}

impl IceCredentials {
    /// Takes a ufrag of 4 to 256 and a pwd of 22 to 256 ice-chars (letters, digits, `+`, `/`); else `None`.
    pub fn new(ufrag: &str, pwd: &str) -> Option<Self> {
        (is_ufrag(ufrag) && is_pwd(pwd)).then(|| Self {
            ufrag: ufrag.to_owned(),
            pwd: pwd.to_owned(),
        })
    }

    /// The username fragment.
    pub fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// The password.
    pub fn pwd(&self) -> &str {
        &self.pwd
    }
}

impl fmt::Debug for IceCredentials {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceCredentials")
            .field("ufrag", &self.ufrag)
            .finish_non_exhaustive()
    }
}

pub(crate) fn is_ufrag(text: &str) -> bool {
    (4..=256).contains(&text.len()) && text.bytes().all(is_ice_char)
}

pub(crate) fn is_pwd(text: &str) -> bool {
    (22..=256).contains(&text.len()) && text.bytes().all(is_ice_char)
}

const fn is_ice_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}

/// The digest of a certificate, `a=fingerprint` (RFC 8122 §5).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// The hash function's name in lower case, such as `sha-256`.
    pub algorithm: String,
    /// The digest as upper-case hexadecimal pairs with colons between them.
    pub value: String,
}

impl Fingerprint {
    /// Reads `sha-256 AB:CD:…`, in whatever case (RFC 8122 §5); else `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let (algorithm, value) = text.trim().split_once(char::is_whitespace)?;
        let value = value.trim();
        let is_name = algorithm
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_digest = value
            .split(':')
            .all(|pair| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit()));
        // The longest digest in use, SHA-512, has 64 pairs.
        (is_name && is_digest && value.len() <= 64 * 3).then(|| Self {
            algorithm: algorithm.to_ascii_lowercase(),
            value: value.to_ascii_uppercase(),
        })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, self.value)
    }
}

/// `a=setup` (RFC 4145 §4, RFC 8842 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setup {
    /// Offers either role.
    Actpass,
    /// The DTLS client.
    Active,
    /// The DTLS server.
    Passive,
    /// No connection for now.
    Holdconn,
}

impl Setup {
    /// The attribute's value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Actpass => "actpass",
            Self::Active => "active",
            Self::Passive => "passive",
            Self::Holdconn => "holdconn",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Actpass, Self::Active, Self::Passive, Self::Holdconn]
            .into_iter()
            .find(|setup| setup.name().eq_ignore_ascii_case(text.trim()))
    }
}

/// The DTLS role that this side takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DtlsRole {
    /// Sends the first ClientHello (`setup:active`).
    Client,
    /// Waits for it (`setup:passive`).
    Server,
}

impl DtlsRole {
    /// The `a=setup` value of an answerer in this role.
    pub const fn setup(self) -> Setup {
        match self {
            Self::Client => Setup::Active,
            Self::Server => Setup::Passive,
        }
    }
}

/// The ICE and DTLS attributes of an m-section, those of the session level included where it has none itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransportDescription {
    /// `a=ice-ufrag` and `a=ice-pwd`.
    pub credentials: Option<IceCredentials>,
    /// `a=ice-options`, split at spaces (and at the commas that older libdatachannel writes).
    pub ice_options: Vec<String>,
    /// `a=fingerprint`, any number of them (RFC 8122 §5).
    pub fingerprints: Vec<Fingerprint>,
    /// `a=setup`.
    pub setup: Option<Setup>,
    /// `a=tls-id`: names the DTLS association (RFC 8842 §5.2). Up to 255 characters.
    pub tls_id: Option<String>,
    /// `a=cryptex` (RFC 9335 §3).
    pub cryptex: bool,
    /// `a=candidate` lines in the browser's form, `candidate:…`.
    pub candidates: Vec<String>,
    /// `a=end-of-candidates` (RFC 8840 §8.2).
    pub end_of_candidates: bool,
}

impl TransportDescription {
    pub(crate) fn push_candidate(&mut self, value: &str) {
        if self.candidates.len() < limits::MAX_CANDIDATES {
            self.candidates.push(format!("candidate:{}", value.trim()));
        }
    }

    pub(crate) fn push_fingerprint(&mut self, value: &str) {
        if self.fingerprints.len() < limits::MAX_FINGERPRINTS {
            self.fingerprints.extend(Fingerprint::parse(value));
        }
    }

    /// It is only compared, so that what RFC 8842 §5.2 allows in it does not matter but the length.
    pub(crate) fn set_tls_id(&mut self, value: &str) {
        self.tls_id = (value.len() <= 255).then(|| value.to_owned());
    }

    /// Fills in what the session level says (RFC 8839 §5.4, RFC 8842 §5.2, RFC 8122 §5).
    pub(crate) fn inherit(&mut self, session: &Self) {
        if self.credentials.is_none() {
            self.credentials.clone_from(&session.credentials);
        }
        if self.ice_options.is_empty() {
            self.ice_options.clone_from(&session.ice_options);
        }
        if self.fingerprints.is_empty() {
            self.fingerprints.clone_from(&session.fingerprints);
        }
        if self.candidates.is_empty() {
            self.candidates.clone_from(&session.candidates);
        }
        if self.tls_id.is_none() {
            self.tls_id.clone_from(&session.tls_id);
        }
        self.setup = self.setup.or(session.setup);
        self.cryptex |= session.cryptex;
        self.end_of_candidates |= session.end_of_candidates;
    }
}

/// Splits `a=ice-options`. RFC 8839 §5.6 separates by spaces, libdatachannel did by commas until August 2026.
pub(crate) fn parse_ice_options(value: &str) -> Vec<String> {
    value
        .split([' ', ',', '\t'])
        .filter(|option| !option.is_empty() && option.len() <= 64)
        .filter(|option| option.bytes().all(|byte| byte.is_ascii_graphic()))
        .take(8)
        .map(str::to_owned)
        .collect()
}

/// What the peer said about its end of the transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteTransport {
    /// Its ICE credentials.
    pub credentials: IceCredentials,
    /// Whether it is an ICE-lite agent, which never checks by itself.
    pub ice_lite: bool,
    /// Whether it may trickle candidates (`a=ice-options:trickle`).
    pub trickle: bool,
    /// Its certificate's fingerprints; at least one.
    pub fingerprints: Vec<Fingerprint>,
    /// The name of its DTLS association, if it gives one (RFC 8842 §5.2).
    pub tls_id: Option<String>,
    /// Whether CSRCs and header extensions of media are encrypted too, because both descriptions say so (RFC 9335).
    pub cryptex: bool,
    /// Its candidates in the browser's form, `candidate:…`; often none.
    pub candidates: Vec<String>,
    /// Whether those are all.
    pub end_of_candidates: bool,
}
