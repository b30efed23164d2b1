//! Our own credentials, of the generation in use and the one it replaces.

use crate::Credentials;
use crate::stun::IntegrityKey;

/// One generation of local credentials: the keys that the peer's checks are signed with.
#[derive(Debug)]
pub(super) struct Generation {
    /// Counts restarts from 0.
    pub(super) number: u32,
    pub(super) credentials: Credentials,
    pub(super) key: IntegrityKey,
}

impl Generation {
    fn new(number: u32, credentials: Credentials) -> Self {
        let key = IntegrityKey::new(credentials.pwd());
        Self {
            number,
            credentials,
            key,
        }
    }
}

/// The generations that checks are accepted for: the newest, and after a restart the one whose path is still in use.
#[derive(Debug)]
pub(super) struct Generations {
    pub(super) current: Generation,
    previous: Option<Box<Generation>>,
}

impl Generations {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self {
            current: Generation::new(0, credentials),
            previous: None,
        }
    }

    /// Begins the next generation. Keeps generation `in_use` and no other.
    pub(super) fn restart(&mut self, credentials: Credentials, in_use: Option<u32>) {
        let next = Generation::new(self.current.number.wrapping_add(1), credentials);
        let replaced = std::mem::replace(&mut self.current, next);
        if in_use == Some(replaced.number) {
            self.previous = Some(Box::new(replaced));
        } else if in_use.is_none() {
            self.previous = None;
        }
    }

    /// Forgets the replaced generation once the newest is `settled`.
    pub(super) fn retire(&mut self, settled: Option<u32>) {
        if settled == Some(self.current.number) {
            self.previous = None;
        }
    }

    pub(super) fn by_ufrag(&self, ufrag: &str) -> Option<&Generation> {
        self.iter()
            .find(|generation| generation.credentials.ufrag() == ufrag)
    }

    pub(super) fn by_number(&self, number: u32) -> Option<&Generation> {
        self.iter().find(|generation| generation.number == number)
    }

    fn iter(&self) -> impl Iterator<Item = &Generation> {
        std::iter::once(&self.current).chain(self.previous.as_deref())
    }
}
