//! Session descriptions of which many differ in a few lines only: those lines are kept, the rest once for all.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// A text.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    /// It, with a zero byte in the place of each line of its own.
    alike: Arc<str>,
    /// Those lines.
    own: Box<str>,
}

/// What texts have in common.
#[derive(Debug, Default)]
pub(super) struct SharedTexts {
    known: HashSet<Arc<str>>,
}

impl SharedTexts {
    /// The same text, sharing with earlier ones what is alike.
    pub(super) fn share(&mut self, text: &str) -> Text {
        let (mut alike, mut own) = (String::with_capacity(text.len()), String::new());
        for line in text.split_inclusive('\n') {
            if is_own(line) {
                own.push_str(line);
                alike.push(PLACE);
            } else {
                alike.push_str(line);
            }
        }
        // SDP has none (RFC 8866 §5), and what has one is no description: it stays as it is.
        if text.contains(PLACE) {
            (alike, own) = (PLACE.to_string(), text.to_owned());
        }
        Text {
            alike: self.known_or_new(alike),
            own: own.into(),
        }
    }

    /// How many texts others can share with.
    #[cfg(test)]
    pub(super) fn known_texts(&self) -> usize {
        self.known.len()
    }

    fn known_or_new(&mut self, alike: String) -> Arc<str> {
        if let Some(known) = self.known.get(alike.as_str()) {
            return Arc::clone(known);
        }
        if self.known.len() >= MOST {
            self.known.retain(|known| Arc::strong_count(known) > 1);
        }
        let alike: Arc<str> = alike.into();
        // Whoever sends another text each time shares nothing, and crowds nobody out.
        if self.known.len() < MOST {
            self.known.insert(Arc::clone(&alike));
        }
        alike
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.alike.len() == PLACE.len_utf8() {
            return f.write_str(&self.own);
        }
        let mut own = self.own.split_inclusive('\n');
        for (index, alike) in self.alike.split(PLACE).enumerate() {
            if index > 0 {
                f.write_str(own.next().unwrap_or_default())?;
            }
            f.write_str(alike)?;
        }
        Ok(())
    }
}

/// Whether a line differs between sessions of one browser: what is drawn anew for each, and addresses.
fn is_own(line: &str) -> bool {
    OWN.iter().any(|prefix| line.starts_with(prefix))
}

const OWN: [&str; 9] = [
    "o=",
    "a=ice-ufrag:",
    "a=ice-pwd:",
    "a=fingerprint:",
    "a=candidate:",
    "a=ssrc",
    "a=msid:",
    "a=msid-semantic:",
    "a=tls-id:",
];

const PLACE: char = '\0';

/// There are as many as there are browsers, codecs and layers in use; more are not looked for.
const MOST: usize = 256;
