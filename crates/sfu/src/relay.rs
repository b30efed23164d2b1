//! What workers say to each other. Opaque to the driver: it moves messages, in order, and nothing else.

/// A message from one worker to another. `Send`, cheap to move, never copied by the driver.
#[derive(Debug)]
pub struct RelayMessage(pub(crate) Message);

#[derive(Debug)]
pub(crate) enum Message {
    /// The sender has (re)started and knows nothing: forget what it held, tell it about your streams.
    Hello,
}
