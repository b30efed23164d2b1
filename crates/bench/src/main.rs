//! What this machine can do without a server around it: the yardsticks of `npm run bench`.
//!
//! Every command measures on one pinned thread with the server's own crypto and prints one JSON object. It is no part
//! of the product: nothing depends on it.

#![deny(unsafe_op_in_unsafe_fn)]

#[cfg(target_os = "linux")]
mod allocs;
#[cfg(target_os = "linux")]
mod arguments;
#[cfg(target_os = "linux")]
mod checks;
mod counting;
#[cfg(target_os = "linux")]
mod echo;
#[cfg(target_os = "linux")]
mod limit;
#[cfg(target_os = "linux")]
mod micro;
#[cfg(target_os = "linux")]
mod recovery;
#[cfg(target_os = "linux")]
mod reflect;
#[cfg(target_os = "linux")]
mod seals;
#[cfg(target_os = "linux")]
mod stage;
#[cfg(target_os = "linux")]
mod system;

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::io::Write;

    let mut arguments = arguments::Arguments::from_command_line()?;
    let result = match arguments.command()?.as_str() {
        "limit" => limit::run(&limit::Options::take(&mut arguments)?)?,
        "micro" => micro::run(&micro::Options::take(&mut arguments)?)?,
        "echo" => {
            echo::run(&echo::Options::take(&mut arguments)?).map_err(|error| error.to_string())?
        }
        "reflect" => reflect::run()?,
        "recovery" => recovery::run(&recovery::Options::take(&mut arguments)?),
        "allocs" => allocs::run()?,
        other => return Err(format!("no such command: {other}").into()),
    };
    writeln!(std::io::stdout(), "{result}")?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() -> Result<(), &'static str> {
    Err("measures with Linux's system calls")
}
