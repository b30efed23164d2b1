//! Events that wait to be fetched.

use super::config::Event;
use crate::Path;

/// The end, and the last selection after it. Of two selections that nobody fetched only the last matters, so the queue
/// needs no limit.
#[derive(Debug, Default)]
pub(super) struct Events {
    selected: Option<Path>,
    end: Option<Event>,
}

impl Events {
    pub(super) fn push(&mut self, event: Event) {
        match event {
            Event::Selected(path) => self.selected = Some(path),
            Event::ConsentExpired | Event::ConnectTimeout => {
                self.selected = None;
                self.end = Some(event);
            }
        }
    }

    /// `path` is no more: whoever has not heard of its selection need not.
    pub(super) fn forget(&mut self, path: Path) {
        self.selected.take_if(|selected| *selected == path);
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        self.end
            .take()
            .or_else(|| self.selected.take().map(Event::Selected))
    }
}
