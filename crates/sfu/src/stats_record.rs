//! One object of a statistics report, flat.

/// One object of a report: named as `RTCStats` names it where it does.
#[derive(Clone, Debug, PartialEq)]
pub struct StatsRecord {
    /// Unique within the report and stable over the life of the object.
    pub id: String,
    /// `inbound-rtp`, `outbound-rtp`, `remote-inbound-rtp`, `remote-outbound-rtp`, `transport`, `candidate-pair`,
    /// `local-candidate`, `remote-candidate`, `codec` or `peer-connection`.
    pub kind: &'static str,
    /// Unix time in milliseconds.
    pub timestamp_ms: f64,
    /// Its members by name; each name at most once.
    pub fields: Vec<(&'static str, StatsValue)>,
}

/// The value of one member.
#[derive(Clone, Debug, PartialEq)]
pub enum StatsValue {
    /// A count, or a measure in the unit that `RTCStats` gives it.
    Number(f64),
    /// A text or the id of another record.
    Text(String),
    /// Yes or no.
    Flag(bool),
}

impl StatsRecord {
    /// The member of that name.
    pub fn get(&self, name: &str) -> Option<&StatsValue> {
        self.fields
            .iter()
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value)
    }

    /// The number of that name; zero where it is not there or no number.
    pub fn number(&self, name: &str) -> f64 {
        match self.get(name) {
            Some(StatsValue::Number(number)) => *number,
            _ => 0.0,
        }
    }
}
