//! Against other implementations of DTLS, each a program of its own, over real sockets on the loopback. Without the
//! programs these fail: `npm test` installs them where it may.
#![expect(
    clippy::disallowed_methods,
    reason = "another program can only be met with real sockets and real time"
)]

mod gnutls;
mod meeting;
mod openssl;
mod pion;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use xrtc_transport::Profile;

use crate::network::{Side, certificate};

/// A running program, with its output in a file.
struct Program {
    child: Child,
    output: PathBuf,
}

impl Program {
    /// `remedy` says how to get it.
    fn start(name: &str, program: impl AsRef<Path>, arguments: &[&str], remedy: &str) -> Self {
        let output = scratch(&format!("{name}.txt"));
        let program = program.as_ref();
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(File::create(&output).unwrap())
            .stderr(Stdio::null())
            .spawn();
        let missing = |error| format!("{} does not start ({error}): {remedy}", program.display());
        let child = child.map_err(missing).unwrap();
        Self { child, output }
    }

    /// The rest of the line of its output that starts so.
    fn says(&self, start: &str) -> Option<String> {
        let output = fs::read_to_string(&self.output).unwrap();
        output.lines().find_map(|line| {
            line.trim()
                .strip_prefix(start)
                .map(|rest| rest.trim().to_owned())
        })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A certificate and its key in files, both DER.
struct Identity {
    certificate: String,
    key: String,
    der: Vec<u8>,
}

impl Identity {
    /// That of [`Side::Client`], whose fingerprint our side expects unless it is told otherwise.
    fn of_client(name: &str) -> Self {
        let client = certificate(Side::Client);
        let (certificate, key) = (
            scratch(&format!("{name}-certificate.der")),
            scratch(&format!("{name}-key.der")),
        );
        fs::write(&certificate, client.certificate_der()).unwrap();
        fs::write(&key, client.private_key_der()).unwrap();
        Self {
            certificate: certificate.display().to_string(),
            key: key.display().to_string(),
            der: client.certificate_der().to_vec(),
        }
    }

    /// A new one from OpenSSL with a key of this kind, such as `rsa:2048`.
    fn with_key(name: &str, kind: &str) -> Self {
        let file = |what: &str| scratch(&format!("{name}-{what}")).display().to_string();
        let (certificate, pem, key) = (file("certificate.der"), file("key.pem"), file("key.der"));
        let openssl = |arguments: &[&str]| {
            let done = Command::new("openssl").args(arguments).output();
            let done = done.map_err(|error| format!("openssl: {error}")).unwrap();
            assert!(done.status.success(), "{arguments:?}: {done:?}");
        };
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            kind,
            "-nodes",
            "-subj",
            "/CN=peer",
            "-days",
            "2",
            "-outform",
            "DER",
            "-out",
            &certificate,
            "-keyout",
            &pem,
        ]);
        openssl(&["pkey", "-in", &pem, "-outform", "DER", "-out", &key]);
        let der = fs::read(&certificate).unwrap();
        Self {
            certificate,
            key,
            der,
        }
    }
}

/// The exporter's label (RFC 5764 §4.2).
const LABEL: &str = "EXTRACTOR-dtls_srtp";

/// What all these programs know and what `dimpl` negotiates.
const PROFILES: [Profile; 3] = [
    Profile::AeadAes256Gcm,
    Profile::AeadAes128Gcm,
    Profile::Aes128CmSha1_80,
];
