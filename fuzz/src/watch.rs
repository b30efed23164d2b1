//! Notices an input that never ends.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::{Target, corpus};

/// Ends the program if an input takes too long, and keeps it.
pub(crate) struct Watch {
    inputs: Option<Sender<Option<Vec<u8>>>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(crate) fn new(target: &Target) -> Self {
        let (inputs, received) = channel();
        let target = *target;
        let thread = std::thread::spawn(move || watch(&target, &received));
        Self {
            inputs: Some(inputs),
            thread: Some(thread),
        }
    }

    pub(crate) fn begin(&self, input: &[u8]) {
        self.tell(Some(input.to_vec()));
    }

    pub(crate) fn end(&self) {
        self.tell(None);
    }

    fn tell(&self, input: Option<Vec<u8>>) {
        if let Some(inputs) = &self.inputs {
            let _ = inputs.send(input);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.inputs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch(target: &Target, inputs: &Receiver<Option<Vec<u8>>>) {
    let mut current = None;
    loop {
        match inputs.recv_timeout(PATIENCE) {
            Ok(input) => current = input,
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                if let Some(input) = &current {
                    let kept = corpus::keep_failed(target, input);
                    eprintln!(
                        "{} does not end on {} bytes: {kept}",
                        target.name,
                        input.len()
                    );
                    std::process::exit(1);
                }
            }
        }
    }
}

/// The slowest target takes a second on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
