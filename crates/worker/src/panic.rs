//! A bug in a state machine: contained at the worker's boundary.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static IS_WORKER: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Makes the panics of this thread silent: [`contain`] gives their text instead. Other threads' panics are told as
/// before.
pub(crate) fn silence_this_thread() {
    static ONCE: Once = Once::new();
    IS_WORKER.set(true);
    ONCE.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            if IS_WORKER.get() {
                LAST.set(Some(info.to_string()));
            } else {
                previous(info);
            }
        }));
    });
}

/// Runs `body`; the text of its panic, with its place, if it met one.
///
/// What `body` has borrowed may be left half-changed: the caller makes it whole or forgets it.
pub(crate) fn contain<R>(body: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(body))
        .map_err(|payload| LAST.take().unwrap_or_else(|| text(payload.as_ref())))
}

fn text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panic")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contained_panic_tells_its_text_and_place() {
        silence_this_thread();
        let message = contain(|| panic!("invariant {}", 7)).unwrap_err();
        assert!(
            message.contains("invariant 7") && message.contains("panic.rs"),
            "{message}"
        );
        assert_eq!(contain(|| 5), Ok(5));
    }
}
