//! For tests: a network that nobody else is on.

#![expect(unsafe_code, reason = "namespaces are entered by system calls")]

use std::process::Command;

/// Runs `test` on a thread with a network of its own: only a loopback, prepared by `ip` and `tc` commands.
/// Fails where the system does not let us: a test must not pass because it could not run.
#[expect(clippy::disallowed_methods, reason = "a namespace belongs to a thread")]
pub(crate) fn in_own_network(commands: &[&str], test: impl FnOnce() + Send + 'static) {
    let commands: Vec<String> = commands.iter().map(ToString::to_string).collect();
    let thread = std::thread::Builder::new().spawn(move || {
        // SAFETY: moves this thread, which ends with the test, into a new network namespace.
        let entered = unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0;
        assert!(entered, "network namespaces need root (CAP_SYS_ADMIN)");
        for command in &commands {
            run(command);
        }
        test();
    });
    thread.unwrap().join().unwrap();
}

/// Runs a command in the network of the calling thread.
pub(crate) fn run(command: &str) {
    let mut words = command.split(' ');
    let program = words.next().unwrap();
    let status = Command::new(program).args(words).status();
    let is_done = status.is_ok_and(|status| status.success());
    assert!(
        is_done,
        "cannot run {command} (Debian: apt-get install iproute2)"
    );
}
