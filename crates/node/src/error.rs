//! The only place where Rust errors become JavaScript errors: `code` is the stable name, `message` the text.

use napi::Error;
use xrtc_sfu::{InvalidStreamName, Refused};
use xrtc_worker::{ReplaceError, SendError, StartError};

/// An error with a stable camelCase code.
pub(crate) type BindingError = Error<&'static str>;

pub(crate) fn invalid_argument(message: &str) -> BindingError {
    Error::new("invalidArgument", message.to_owned())
}

pub(crate) fn start_failed(error: &StartError) -> BindingError {
    Error::new(error.code(), error.to_string())
}

pub(crate) fn not_sent(error: SendError) -> BindingError {
    Error::new(error.code(), error.to_string())
}

pub(crate) fn not_replaced(error: ReplaceError) -> BindingError {
    Error::new(error.code(), error.to_string())
}

pub(crate) fn invalid_stream_name(error: InvalidStreamName) -> BindingError {
    let refused = Refused::from(error);
    Error::new(refused.code(), refused.to_string())
}

pub(crate) fn doorbell_failed(error: &Error) -> BindingError {
    Error::new("doorbell", error.reason.clone())
}
