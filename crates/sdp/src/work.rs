//! Counts the steps of parsing, so that tests and fuzzing can hold it to linear work without a clock.

#[cfg(any(test, feature = "count-work"))]
use std::cell::Cell;

#[cfg(any(test, feature = "count-work"))]
thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// One step of a loop over a peer's input. Costs nothing where it is not counted.
#[cfg(not(any(test, feature = "count-work")))]
pub(crate) const fn step() {}

#[cfg(any(test, feature = "count-work"))]
pub(crate) fn step() {
    STEPS.with(|steps| steps.set(steps.get() + 1));
}

/// The steps that `run` takes.
#[cfg(any(test, feature = "count-work"))]
#[cfg_attr(
    not(feature = "count-work"),
    expect(unreachable_pub, reason = "only fuzzing reaches it")
)]
pub fn count(run: impl FnOnce()) -> u64 {
    STEPS.with(|steps| steps.set(0));
    run();
    STEPS.with(Cell::get)
}

#[cfg(test)]
mod tests {
    use crate::{Description, Fragment, limits};

    use super::count;

    /// A description of about `bytes` bytes of one m-section: `line` again and again, with a number in it.
    fn description(bytes: usize, line: fn(usize) -> String) -> String {
        let formats: String = (0..128).map(|number| format!(" {number}")).collect();
        let mut text = format!("v=0\nm=video 9 UDP/TLS/RTP/SAVPF{formats}\n");
        for number in 0.. {
            let line = line(number);
            if text.len() + line.len() > bytes {
                break;
            }
            text.push_str(&line);
        }
        text
    }

    /// Lines that make lists, look something up, or are long.
    const LINES: [fn(usize) -> String; 15] = [
        |number| format!("a=rtpmap:{} H264/90000\n", number % 128),
        |number| format!("a=fmtp:{} a=1;b=2;c;d;e;f;g;h\n", number % 128),
        |_| "a=fmtp:96 a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a;a\n".to_owned(),
        |number| format!("a=rtcp-fb:{} nack pli\n", number % 128),
        |_| "a=rtcp-fb:* nack\n".to_owned(),
        |number| format!("a=ssrc:{number} cname:x\n"),
        |number| format!("a=ssrc-group:FID {number} {number}\n"),
        |number| format!("a=extmap:{} urn:{number}\n", number % 255 + 1),
        |number| format!("a=rid:{number} send pt=1,2,3,4,5;a=1;b=2\n"),
        |number| format!("a=simulcast:send {number};a;b;c;d;e;f;g;h\n"),
        |number| format!("a=candidate:{number} 1 udp 1 192.0.2.1 9 typ host\n"),
        |number| format!("a=mid:{number}\n"),
        |_| "a=group:BUNDLE 0 1 2 3 4 5 6 7 8 9\n".to_owned(),
        |_| "a=ice-options:a,b,c,d\n".to_owned(),
        |_| {
            "s=a line that says little but goes on for a while, and so fills the text with few lines\n".to_owned()
        },
    ];

    #[test]
    fn c51_the_work_is_linear_in_the_size_of_the_text() {
        for line in LINES {
            let steps = |bytes| {
                let text = description(bytes, line);
                count(|| drop(Description::parse(&text)))
            };
            let (quarter, half, full) = (
                steps(limits::MAX_BYTES / 4),
                steps(limits::MAX_BYTES / 2),
                steps(limits::MAX_BYTES),
            );
            let name = line(1);
            assert!(
                half <= quarter * 2 + quarter / 4 + 500,
                "{quarter} then {half}: {name}"
            );
            assert!(
                full <= half * 2 + half / 4 + 500,
                "{half} then {full}: {name}"
            );
            assert!(full <= 4 * limits::MAX_BYTES as u64, "{full}: {name}");
        }
    }

    #[test]
    fn one_line_as_long_as_the_limit_is_linear_work() {
        let fill = limits::MAX_BYTES - 600;
        for line in [
            format!("a=fmtp:96 {}\n", "a;".repeat(fill / 2)),
            format!("a=simulcast:send {}\n", "a;".repeat(fill / 2)),
            format!("a=simulcast:send {}\n", "a,".repeat(fill / 2)),
            format!("a=rid:a send pt={}\n", "1,".repeat(fill / 2)),
            format!("a=rid:a send {}\n", "x;".repeat(fill / 2)),
            format!("a=ssrc-group:FID{}\n", " 1".repeat(fill / 2)),
            format!("a=group:BUNDLE{}\n", " 1".repeat(fill / 2)),
            format!("a=ice-options:{}\n", "a,".repeat(fill / 2)),
            format!("m=audio 9 RTP/SAVPF{}\n", " 1".repeat(fill / 2)),
            format!("a={}\n", "\r".repeat(fill)),
        ] {
            let text = format!("v=0\nm=video 9 UDP/TLS/RTP/SAVPF 96\n{line}");
            let steps = count(|| drop(Description::parse(&text)));
            assert!(steps <= text.len() as u64 + 500, "{steps}: {}", &line[..20]);
        }
    }

    #[test]
    fn fragments_are_linear_work_too() {
        let text = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\n".repeat(1400);
        assert!(count(|| drop(Fragment::parse(&text))) <= 3 * 1400);
    }
}
