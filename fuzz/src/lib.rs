//! Fuzzing: targets, inputs to begin with, seeded mutators and a loop that keeps what reaches new code.
//!
//! It needs no nightly toolchain. A build by `npm run fuzz` counts the blocks of code that an input reaches; in the fixed
//! runs of the tests, whose build does not, a target gives a word for what came out, and an input with a new word joins the
//! corpus. A target panics where a rule is broken. What failed once stays in `fuzz/crashes/TARGET` and is tried first.
//!
//! Everything follows from the seed, but for what the crypto library draws in DTLS handshakes.

mod codec;
mod corpus;
mod coverage;
mod cpu_time;
mod dtls;
mod engine;
mod framing;
mod growth;
mod input;
mod mutate;
mod rtcp;
mod rtp;
mod sdp;
mod sfu;
mod srtp;
mod stream;
mod stun;
mod turn;
mod turn_client;
mod watch;

// What the tests of the crates play with is what targets play with.
#[expect(dead_code, reason = "written for the tests of the TURN client too")]
#[path = "../../crates/turn/src/far_end.rs"]
mod far_end;
#[expect(dead_code, reason = "written for the tests of the transport")]
#[path = "../../crates/transport/tests/it/network.rs"]
mod network;
#[expect(
    dead_code,
    unused_imports,
    reason = "written for the tests of forwarding"
)]
#[path = "../../crates/forward/tests/it/rig/mod.rs"]
mod rig;
#[expect(dead_code, reason = "written for the simulation")]
#[path = "../../crates/sfu/tests/sim/world/mod.rs"]
mod world;

pub use corpus::keep_failed;
pub use engine::{Failed, Report, run_for, run_times};
pub use mutate::{Form, MAX_BYTES};

/// What is fuzzed.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// How inputs are changed.
    pub form: Form,
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Tries one. Gives a word for what came out, and panics if a rule is broken.
    pub run: fn(&[u8]) -> String,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "offer",
        form: Form::Text,
        seeds: sdp::offers,
        run: sdp::offer,
    },
    Target {
        name: "answer",
        form: Form::Text,
        seeds: sdp::answers,
        run: sdp::answer,
    },
    Target {
        name: "fragment",
        form: Form::Text,
        seeds: sdp::fragments,
        run: sdp::fragment,
    },
    Target {
        name: "codec",
        form: Form::Bytes(256),
        seeds: codec::seeds,
        run: codec::run,
    },
    Target {
        name: "rtp",
        form: Form::Bytes(1_500),
        seeds: rtp::seeds,
        run: rtp::run,
    },
    Target {
        name: "rtcp",
        form: Form::Bytes(1_500),
        seeds: rtcp::seeds,
        run: rtcp::run,
    },
    Target {
        name: "stun",
        form: Form::Bytes(1_024),
        seeds: stun::seeds,
        run: stun::run,
    },
    Target {
        name: "framing",
        form: Form::Bytes(6_000),
        seeds: framing::seeds,
        run: framing::run,
    },
    Target {
        name: "turn",
        form: Form::Bytes(1_024),
        seeds: turn::seeds,
        run: turn::run,
    },
    Target {
        name: "turn_client",
        form: Form::Bytes(512),
        seeds: turn_client::seeds,
        run: turn_client::run,
    },
    Target {
        name: "srtp",
        form: Form::Bytes(1_024),
        seeds: srtp::seeds,
        run: srtp::run,
    },
    Target {
        name: "dtls",
        form: Form::Bytes(2_048),
        seeds: dtls::seeds,
        run: dtls::run,
    },
    Target {
        name: "stream",
        form: Form::Bytes(2_048),
        seeds: stream::seeds,
        run: stream::run,
    },
    Target {
        name: "sfu",
        form: Form::Bytes(768),
        seeds: sfu::seeds,
        run: sfu::run,
    },
];
