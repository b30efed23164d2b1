//! Figures on their way to JavaScript.

use std::collections::HashMap;

use napi::bindgen_prelude::Either3;
use napi_derive::napi;
use xrtc_sfu::{StatsRecord, StatsValue};

/// One object of a statistics report.
#[napi(object, object_from_js = false)]
pub struct BindingStats {
    /// Unique within the report.
    pub id: String,
    /// As `RTCStats` names it.
    #[napi(js_name = "type")]
    pub kind: &'static str,
    /// Unix time in milliseconds.
    pub timestamp: f64,
    /// Its other members.
    pub fields: HashMap<&'static str, Either3<f64, String, bool>>,
}

impl From<StatsRecord> for BindingStats {
    fn from(record: StatsRecord) -> Self {
        Self {
            id: record.id,
            kind: record.kind,
            timestamp: record.timestamp_ms,
            fields: record
                .fields
                .into_iter()
                .map(|(name, value)| (name, member(value)))
                .collect(),
        }
    }
}

fn member(value: StatsValue) -> Either3<f64, String, bool> {
    match value {
        StatsValue::Number(number) => Either3::A(number),
        StatsValue::Text(text) => Either3::B(text),
        StatsValue::Flag(flag) => Either3::C(flag),
    }
}

/// Counts by name, as a plain object.
pub(crate) fn counts<N: Into<String>>(
    named: impl IntoIterator<Item = (N, u64)>,
) -> HashMap<String, f64> {
    named
        .into_iter()
        .map(|(name, count)| (name.into(), count as f64))
        .collect()
}
