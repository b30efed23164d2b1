//! Which formats are the same to a decoder.

use xrtc_rtp::Codec;
use xrtc_sdp::{Fmtp, FormatKey, H264Profile, Profile};

fn key(codec: Codec, fmtp: &str) -> Option<FormatKey> {
    FormatKey::new(codec, &Fmtp::parse(fmtp))
}

fn h264(level_id: &str, mode: u8) -> FormatKey {
    key(
        Codec::H264,
        &format!("packetization-mode={mode};profile-level-id={level_id}"),
    )
    .unwrap()
}

#[test]
fn c46_h264_profiles_are_those_of_rfc_6184_table_5() {
    for (text, profile) in [
        ("42e01f", H264Profile::ConstrainedBaseline),
        ("42E034", H264Profile::ConstrainedBaseline),
        ("42c01e", H264Profile::ConstrainedBaseline),
        ("4d801f", H264Profile::ConstrainedBaseline),
        ("58c01f", H264Profile::ConstrainedBaseline),
        ("42001f", H264Profile::Baseline),
        ("58801f", H264Profile::Baseline),
        ("4d001f", H264Profile::Main),
        ("4d401f", H264Profile::Main),
        ("640c34", H264Profile::ConstrainedHigh),
        ("64001f", H264Profile::High),
        ("f4001f", H264Profile::PredictiveHigh444),
        ("6e001f", H264Profile::Other(0x6e, 0)),
    ] {
        assert_eq!(
            h264(text, 1).profile,
            Profile::H264 { profile, mode: 1 },
            "{text}"
        );
    }
}

#[test]
fn c46_levels_do_not_count_but_profiles_and_modes_do() {
    assert!(h264("42e01f", 1).matches(h264("42e034", 1)));
    assert!(!h264("42e01f", 1).matches(h264("42e01f", 0)));
    assert!(!h264("42e01f", 1).matches(h264("42001f", 1)));
    let h265 = |level| {
        key(
            Codec::H265,
            &format!("level-id={level};profile-id=1;tier-flag=0;tx-mode=SRST"),
        )
        .unwrap()
    };
    assert!(h265(180).matches(h265(156)));
    let av1 = |level| key(Codec::Av1, &format!("level-idx={level};profile=0;tier=0")).unwrap();
    assert!(av1(5).matches(av1(13)));
}

#[test]
fn c46_absent_parameters_have_the_rfcs_defaults() {
    assert_eq!(
        key(Codec::H265, ""),
        key(
            Codec::H265,
            "profile-id=1;tier-flag=0;level-id=93;tx-mode=SRST"
        )
    );
    assert_eq!(key(Codec::Vp9, ""), key(Codec::Vp9, "profile-id=0"));
    assert_eq!(
        key(Codec::Av1, ""),
        key(Codec::Av1, "profile=0;level-idx=5;tier=0")
    );
    assert_eq!(
        key(Codec::H264, "profile-level-id=42e01f"),
        key(Codec::H264, "packetization-mode=0;profile-level-id=42e01f")
    );
}

#[test]
fn what_cannot_be_forwarded_or_read_has_no_key() {
    for (codec, fmtp) in [
        (Codec::H264, "packetization-mode=2;profile-level-id=42e01f"),
        (Codec::H264, "packetization-mode=1;profile-level-id=42e0"),
        (Codec::H264, "packetization-mode=1;profile-level-id=zzzzzz"),
        (Codec::H264, "packetization-mode=x"),
        (Codec::H265, "tx-mode=MRMT"),
        (Codec::H265, "profile-id=999"),
        (Codec::Vp9, "profile-id=4"),
        (Codec::Av1, "profile=255"),
    ] {
        assert_eq!(key(codec, fmtp), None, "{fmtp}");
    }
}

#[test]
fn a_receiver_of_more_decodes_less_and_not_the_other_way_round() {
    let main10 = key(Codec::H265, "profile-id=2").unwrap();
    let main = key(Codec::H265, "profile-id=1").unwrap();
    for (sent, taken) in [
        (h264("42e01f", 1), h264("4d001f", 1)),
        (h264("42e01f", 1), h264("640c1f", 1)),
        (h264("4d001f", 1), h264("64001f", 1)),
        (h264("64001f", 1), h264("f4001f", 1)),
        (h264("42e01f", 0), h264("42e01f", 1)),
        (main, main10),
        (
            key(Codec::Av1, "profile=0").unwrap(),
            key(Codec::Av1, "profile=1").unwrap(),
        ),
        (
            key(Codec::H265, "tier-flag=0").unwrap(),
            key(Codec::H265, "tier-flag=1").unwrap(),
        ),
    ] {
        assert!(
            sent.distance(taken).is_some_and(|distance| distance > 0),
            "{sent} at {taken}"
        );
        assert_eq!(taken.distance(sent), None, "{taken} at {sent}");
    }
    let vp9 = |profile| key(Codec::Vp9, &format!("profile-id={profile}")).unwrap();
    assert_eq!(vp9(0).distance(vp9(2)), None);
    assert_eq!(vp9(0).distance(vp9(0)), Some(0));
    assert_eq!(vp9(0).distance(main), None);
}

#[test]
fn the_spellings_of_baseline_decode_each_other_but_the_exact_one_is_closest() {
    let (constrained, baseline) = (h264("42e01f", 1), h264("42001f", 1));
    assert_eq!(constrained.distance(constrained), Some(0));
    assert!(constrained.distance(baseline) > Some(0));
    assert!(baseline.distance(constrained) > Some(0));
}

#[test]
fn h264_without_parameters_fits_any_other_as_the_last_choice() {
    let unspecified = key(Codec::H264, "").unwrap();
    assert_eq!(h264("64001f", 1).distance(unspecified), Some(u8::MAX));
    assert!(unspecified.distance(h264("42e01f", 1)) < unspecified.distance(h264("42e01f", 0)));
    assert!(unspecified.distance(h264("42e01f", 0)) < unspecified.distance(h264("64001f", 1)));
}
