//! Runs one target for a while: `xrtc-fuzz TARGET SECONDS [SEED]`, `xrtc-fuzz --list`, or `xrtc-fuzz TARGET FILE` for one
//! input.

use std::process::ExitCode;
use std::time::Duration;

use xrtc_fuzz::{Failed, TARGETS, Target, keep_failed, run_for};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments
        .first()
        .is_some_and(|argument| argument == "--list")
    {
        TARGETS
            .iter()
            .for_each(|target| println!("{}", target.name));
        return ExitCode::SUCCESS;
    }
    let [name, time, seed @ ..] = &arguments[..] else {
        eprintln!("usage: xrtc-fuzz TARGET SECONDS|FILE [SEED]");
        return ExitCode::FAILURE;
    };
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        eprintln!("no such target");
        return ExitCode::FAILURE;
    };
    let seed = seed.first().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    match (time.parse(), std::fs::read(time)) {
        (Ok(seconds), _) => run(target, Duration::from_secs(seconds), seed),
        (_, Ok(input)) => {
            println!("{}", (target.run)(&input));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("neither a number of seconds nor a file");
            ExitCode::FAILURE
        }
    }
}

fn run(target: &Target, duration: Duration, seed: u64) -> ExitCode {
    // A failure is told once, with its place; not again while it is made shorter.
    std::panic::set_hook(Box::new({
        let told = std::sync::Once::new();
        move |info| told.call_once(|| eprintln!("{info}"))
    }));
    match run_for(target, duration, seed) {
        Ok(report) => {
            println!(
                "{}: {} inputs of up to {} bytes, {} new, {} blocks, seed {seed}: no failure",
                target.name, report.runs, report.longest, report.found, report.blocks
            );
            ExitCode::SUCCESS
        }
        Err(Failed(input)) => {
            let kept = keep_failed(target, &input);
            eprintln!(
                "{} failed with seed {seed} on {} bytes: {kept}",
                target.name,
                input.len()
            );
            ExitCode::FAILURE
        }
    }
}
