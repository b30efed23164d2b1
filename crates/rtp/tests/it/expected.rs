//! What is to be told of a payload, and payloads of several units.

use xrtc_rtp::PayloadInfo;

use crate::bits::hex;

pub(crate) const NOTHING: PayloadInfo = PayloadInfo {
    keyframe: false,
    frame_start: false,
    temporal_id: 0,
    spatial_id: 0,
    resolution: None,
};
pub(crate) const START: PayloadInfo = PayloadInfo {
    frame_start: true,
    ..NOTHING
};
pub(crate) const KEY: PayloadInfo = PayloadInfo {
    keyframe: true,
    ..START
};

/// Each unit with its length in 16 bits before it, as aggregation packets have them (RFC 6184 §5.7.1, RFC 7798 §4.4.2).
pub(crate) fn sized(units: &[&str]) -> String {
    let sized = |unit: &&str| format!("{:04x} {unit}", hex(unit).len());
    units.iter().map(sized).collect::<Vec<_>>().join(" ")
}
