//! Session descriptions of which many differ in a few lines only: those lines are kept, the rest once for all.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// A text.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    /// It, with a mark in the place of each line of its own.
    alike: Arc<str>,
    /// Those lines, each once.
    own: Box<str>,
}

/// What texts have in common.
#[derive(Debug, Default)]
pub(super) struct SharedTexts {
    known: HashSet<Arc<str>>,
}

impl SharedTexts {
    /// The same text, sharing with earlier ones what is alike.
    pub(super) fn share(&mut self, text: &str, side: Side) -> Text {
        let mut alike = String::with_capacity(text.len());
        let mut own = Vec::new();
        for line in text.split_inclusive('\n') {
            if side.is_own(line) {
                alike.push(mark(&mut own, line));
            } else {
                alike.push_str(line);
            }
        }
        // SDP has no such characters (RFC 8866 §5), and what has them is no description: it stays as it is.
        if text.contains(is_mark) {
            (alike, own) = (WHOLE.to_string(), vec![text]);
        }
        Text {
            alike: self.known_or_new(alike),
            own: own.concat().into(),
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
        if self.alike.starts_with(WHOLE) {
            return f.write_str(&self.own);
        }
        let mut own = self.own.split_inclusive('\n');
        let mut earlier = Vec::new();
        for piece in self.alike.split_inclusive(is_mark) {
            let alike = piece.trim_end_matches(is_mark);
            f.write_str(alike)?;
            let Some(mark) = piece
                .get(alike.len()..)
                .and_then(|mark| mark.chars().next())
            else {
                continue;
            };
            let line = match mark {
                NEXT => own.next().unwrap_or_default(),
                again => earlier.get(again as usize - 1).copied().unwrap_or_default(),
            };
            if mark == NEXT {
                earlier.push(line);
            }
            f.write_str(line)?;
        }
        Ok(())
    }
}

/// Stands for a line of its own: the next one, or one that was there before.
fn mark<'a>(own: &mut Vec<&'a str>, line: &'a str) -> char {
    let before = own.iter().position(|other| *other == line);
    let number = before.and_then(|before| u8::try_from(before + 1).ok());
    match number.filter(|number| *number <= MOST_AGAIN) {
        Some(number) => char::from(number),
        None => {
            own.push(line);
            NEXT
        }
    }
}

fn is_mark(character: char) -> bool {
    character <= WHOLE
}

/// The next line of its own.
const NEXT: char = '\0';
/// Lines up to this number are not kept again: their number is the mark.
const MOST_AGAIN: u8 = 7;
/// All of it is its own.
const WHOLE: char = '\x08';

/// Whose description it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    /// Ours: certificate and addresses are the same in all.
    Local,
    /// The peer's.
    Remote,
}

impl Side {
    /// Whether a line differs between sessions of one browser: what is drawn anew for each, and addresses.
    fn is_own(self, line: &str) -> bool {
        let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| line.starts_with(prefix));
        match self {
            Self::Local => begins(&DRAWN),
            Self::Remote => begins(&DRAWN) || begins(&OF_THE_PEER) || names_port(line),
        }
    }
}

/// Browsers write 9 where a port has no meaning (RFC 8840 §4.1.1), others a true one.
fn names_port(line: &str) -> bool {
    let port = match line.strip_prefix("m=") {
        Some(media) => media.split(' ').nth(1),
        None => line
            .strip_prefix("a=rtcp:")
            .and_then(|rtcp| rtcp.split(' ').next()),
    };
    port.is_some_and(|port| port != "9" && port != "0")
}

const DRAWN: [&str; 4] = ["o=", "a=ice-ufrag:", "a=ice-pwd:", "a=ssrc"];
const OF_THE_PEER: [&str; 5] = [
    "a=fingerprint:",
    "a=candidate:",
    "a=msid:",
    "a=msid-semantic:",
    "a=tls-id:",
];

/// There are as many as there are browsers, codecs and layers in use; more are not looked for.
const MOST: usize = 256;
