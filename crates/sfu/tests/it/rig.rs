//! A lone worker without a network.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use xrtc_rtp::{Time, WallClock};
use xrtc_sfu::{
    Command, Event, Limits, OwnerKey, PeerId, PullOptions, PushOptions, RequestId, Sfu, SfuConfig,
    StreamName,
};
use xrtc_transport::{Certificate, DtlsSettings, DtlsVersion};

pub(crate) const NOW: Time = Time::from_millis(1_000);

pub(crate) fn settings() -> Arc<DtlsSettings> {
    static SETTINGS: OnceLock<Arc<DtlsSettings>> = OnceLock::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "any instant will do as the origin"
    )]
    let settings = SETTINGS.get_or_init(|| {
        let certificate = Certificate::generate().expect("certificate");
        Arc::new(DtlsSettings::new(
            certificate,
            DtlsVersion::V12,
            Instant::now(),
        ))
    });
    Arc::clone(settings)
}

pub(crate) fn config() -> SfuConfig {
    let addresses = ["192.0.2.7:8800", "[2001:db8::7]:8800"];
    let candidates = addresses
        .iter()
        .filter_map(|text| text.parse().ok())
        .collect();
    let owner_key = Arc::new(OwnerKey::new(&[9; 32]));
    SfuConfig::new(settings(), owner_key, candidates, WallClock::default())
}

pub(crate) fn sfu() -> Sfu {
    Sfu::new(config(), [7; 32], NOW)
}

pub(crate) fn limited(limits: Limits) -> Sfu {
    Sfu::new(SfuConfig { limits, ..config() }, [7; 32], NOW)
}

pub(crate) fn stream() -> StreamName {
    StreamName::parse("lobby").expect("stream name")
}

pub(crate) fn push(number: u64, offer: Option<&str>) -> Command {
    let options = PushOptions {
        offer: offer.map(str::to_owned),
        ..PushOptions::default()
    };
    Command::Push {
        request: RequestId(number),
        peer: PeerId(number),
        stream: stream(),
        options,
    }
}

pub(crate) fn pull(number: u64, offer: Option<&str>) -> Command {
    let options = PullOptions {
        offer: offer.map(str::to_owned),
        ..PullOptions::default()
    };
    Command::Pull {
        request: RequestId(number),
        peer: PeerId(number),
        stream: stream(),
        options,
    }
}

pub(crate) fn events(sfu: &mut Sfu) -> Vec<Event> {
    std::iter::from_fn(|| sfu.poll_event()).collect()
}

/// Does the command and gives what is told then.
pub(crate) fn told(sfu: &mut Sfu, command: Command) -> Vec<Event> {
    sfu.handle_command(NOW, command);
    events(sfu)
}

/// The captured offers whose names contain this.
pub(crate) fn offers(part: &str) -> Vec<(String, String)> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../sdp/tests");
    let folders = ["offers", "constructed"]
        .into_iter()
        .filter_map(|folder| std::fs::read_dir(format!("{root}/{folder}")).ok());
    let mut offers: Vec<_> = folders
        .flat_map(|folder| folder.flatten())
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let text = std::fs::read_to_string(entry.path()).ok()?;
            (name.ends_with(".sdp") && name.contains(part)).then_some((name, text))
        })
        .collect();
    offers.sort();
    offers
}
