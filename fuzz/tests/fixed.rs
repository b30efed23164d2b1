//! A short run of every target, the same one each time: its seeds, everything that once failed, and some mutations.

use xrtc_fuzz::{Failed, TARGETS, run_times};

/// More than enough to notice what is badly broken; `npm run fuzz` looks further.
fn try_target(name: &str, times: u64) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    match run_times(target, times, 1) {
        Ok(report) => assert!(report.runs == times && report.found > 0, "{report:?}"),
        Err(Failed(input)) => panic!("{name} fails on {input:02x?}"),
    }
}

macro_rules! fixed {
    ($($name:ident $times:literal),* $(,)?) => {
        $(#[test] fn $name() { try_target(stringify!($name), $times); })*

        #[test]
        fn every_target_is_tried() {
            let names = [$(stringify!($name)),*];
            assert!(TARGETS.iter().map(|target| target.name).eq(names));
        }
    };
}

fixed! {
    offer 1_000,
    answer 1_000,
    fragment 5_000,
    codec 50_000,
    rtp 50_000,
    rtcp 50_000,
    stun 2_000,
    framing 5_000,
    turn 3_000,
    turn_client 3_000,
    srtp 2_000,
    dtls 40,
    stream 300,
    sfu 20,
}
