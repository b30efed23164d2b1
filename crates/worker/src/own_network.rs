//! For tests: a network that nobody else is on.

#![expect(unsafe_code, reason = "namespaces are entered by system calls")]

use std::process::Command;

/// Runs `test` on a thread with a network of its own: only a loopback, prepared by `ip` and `tc` commands.
/// Does nothing where the system does not let us.
#[expect(clippy::disallowed_methods, reason = "a namespace belongs to a thread")]
pub(crate) fn in_own_network(commands: &[&str], test: impl FnOnce() + Send + 'static) {
    let commands: Vec<String> = commands.iter().map(ToString::to_string).collect();
    let thread = std::thread::Builder::new().spawn(move || {
        // SAFETY: moves this thread, which ends with the test, into a new network namespace.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
            println!("skipped: no permission for a network namespace");
            return;
        }
        for command in &commands {
            let mut words = command.split(' ');
            let program = words.next().unwrap();
            match Command::new(program).args(words).status() {
                Ok(status) if status.success() => {}
                _ => {
                    println!("skipped: cannot run {command}");
                    return;
                }
            }
        }
        test();
    });
    thread.unwrap().join().unwrap();
}
