//! Who a request is from: long-term credentials that end by themselves (RFC 8489 §9.2, and
//! draft-uberti-behave-turn-rest-00), and nonces of which nothing is remembered.

use std::fmt::Write as _;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, Context, HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256};
use xrtc_ice::stun::IntegrityKey;
use xrtc_rtp::Time;

use crate::Client;
use crate::limits::MAX_USERNAME;
use crate::message::long_term_key;

/// Knows the shared secret, and makes nonces.
pub(crate) struct Authority {
    secret: hmac::Key,
    nonces: hmac::Key,
    realm: String,
}

impl Authority {
    pub(crate) fn new(secret: &[u8], realm: String, nonce_key: &[u8; 32]) -> Self {
        Self {
            secret: hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret),
            nonces: hmac::Key::new(HMAC_SHA256, nonce_key),
            realm,
        }
    }

    pub(crate) fn realm(&self) -> &str {
        &self.realm
    }

    /// The key of `username`, if it is one that we gave (`EXPIRY` or `EXPIRY:NAME`) and its time is not over.
    pub(crate) fn key(&self, username: &str, unix_seconds: u64) -> Option<IntegrityKey> {
        let expiry = username.split(':').next()?;
        if username.len() > MAX_USERNAME || expiry.parse::<u64>().ok()? <= unix_seconds {
            return None;
        }
        let password = self.password(username);
        Some(long_term_key(username, self.realm.as_bytes(), &password))
    }

    /// draft-uberti-behave-turn-rest-00 §2.2.
    pub(crate) fn password(&self, username: &str) -> String {
        let tag = hmac::sign(&self.secret, username.as_bytes());
        base64(tag.as_ref())
    }

    /// A nonce for `client`: when it was made, and our signature of that and of the client's address. Whoever shows it
    /// receives at that address.
    pub(crate) fn nonce(&self, now: Time, client: &Client) -> String {
        self.nonce_of(seconds(now), client)
    }

    /// Whether `nonce` was made for `client`, and lately.
    pub(crate) fn knows(&self, nonce: &str, now: Time, client: &Client) -> bool {
        let made = nonce.get(..SECONDS_DIGITS);
        let made = made.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let Some(made) = made.filter(|made| {
            let age = seconds(now).checked_sub(*made);
            age.is_some_and(|age| Duration::from_secs(age.into()) <= NONCE_LIFETIME)
        }) else {
            return false;
        };
        verify_slices_are_equal(self.nonce_of(made, client).as_bytes(), nonce.as_bytes()).is_ok()
    }

    fn nonce_of(&self, seconds: u32, client: &Client) -> String {
        let mut context = Context::with_key(&self.nonces);
        context.update(&seconds.to_be_bytes());
        match client.path.remote.ip() {
            std::net::IpAddr::V4(ip) => context.update(&ip.octets()),
            std::net::IpAddr::V6(ip) => context.update(&ip.octets()),
        }
        context.update(&client.path.remote.port().to_be_bytes());
        let tag = context.sign();
        let mut nonce = String::with_capacity(NONCE_LEN);
        let signed = tag.as_ref().iter().take(NONCE_TAG_BYTES);
        for byte in seconds.to_be_bytes().iter().chain(signed) {
            // Writing into a string cannot fail.
            let _ = write!(nonce, "{byte:02x}");
        }
        nonce
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

fn seconds(now: Time) -> u32 {
    u32::try_from(now.as_millis() / 1_000).unwrap_or(u32::MAX)
}

/// RFC 4648 §4.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for (position, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = ALPHABET.get((bits >> shift) as usize & 63);
            let digit = digit.filter(|_| position <= chunk.len());
            text.push(digit.map_or('=', |digit| char::from(*digit)));
        }
    }
    text
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// A client that refreshes in time asks for a new one every hour.
const NONCE_LIFETIME: Duration = Duration::from_secs(3_600);
const SECONDS_DIGITS: usize = 8;
/// 48 bits cannot be guessed within the budget.
const NONCE_TAG_BYTES: usize = 6;
/// Short, because it goes to everybody who asks (RFC 8489 §9.2 asks for nothing more than that it cannot be guessed).
pub(crate) const NONCE_LEN: usize = SECONDS_DIGITS + 2 * NONCE_TAG_BYTES;

#[cfg(test)]
mod tests {
    use xrtc_ice::Path;

    use super::*;

    fn client(remote: &str) -> Client {
        Client {
            path: Path::udp("192.0.2.1:3478".parse().unwrap(), remote.parse().unwrap()),
            link: 0,
        }
    }

    fn authority() -> Authority {
        Authority::new(b"north", "xrtc".to_owned(), &[7; 32])
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let texts = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let expected = [
            "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy",
        ];
        assert_eq!(texts.map(|text| base64(text.as_bytes())), expected);
    }

    #[test]
    fn a_name_without_a_time_to_come_has_no_key() {
        let authority = authority();
        for name in [
            "", "ann", ":ann", "-1", "99", "99:ann", "100", "100:ann", "1e9",
        ] {
            assert!(authority.key(name, 100).is_none(), "{name}");
        }
        for name in ["101", "101:ann", "4294967296000:ann:b"] {
            assert!(authority.key(name, 100).is_some(), "{name}");
        }
        let long = format!("101:{}", "a".repeat(MAX_USERNAME));
        assert!(authority.key(&long, 100).is_none());
    }

    #[test]
    fn a_nonce_is_good_for_its_client_and_for_an_hour() {
        let authority = authority();
        let ann = client("198.51.100.7:4000");
        let made = Time::from_millis(10_000);
        let nonce = authority.nonce(made, &ann);
        assert_eq!(nonce.len(), NONCE_LEN);
        assert!(authority.knows(&nonce, made, &ann));
        assert!(authority.knows(&nonce, made + NONCE_LIFETIME, &ann));
        let too_late = made + NONCE_LIFETIME + Duration::from_secs(1);
        assert!(!authority.knows(&nonce, too_late, &ann));
        assert!(!authority.knows(&nonce, made - Duration::from_secs(1), &ann));
        for other in [
            "198.51.100.7:4001",
            "198.51.100.8:4000",
            "[2001:db8::1]:4000",
        ] {
            assert!(!authority.knows(&nonce, made, &client(other)), "{other}");
        }
        let stranger = Authority::new(b"north", "xrtc".to_owned(), &[8; 32]);
        assert!(!stranger.knows(&nonce, made, &ann));
        for forged in [
            "",
            "0000",
            "zzzzzzzz000000000000",
            &nonce[..nonce.len() - 1],
            "éééé",
        ] {
            assert!(!authority.knows(forged, made, &ann), "{forged}");
        }
    }
}
