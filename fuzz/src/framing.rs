//! Frames on a TCP connection (RFC 4571): however the stream is cut the same frames come out, in order and whole, and no
//! more is kept than one that has not ended.

use xrtc_ice::framing::{Deframer, FrameTooLong, PREFIX, prefix};

use crate::input::Input;

/// Short frames, empty ones, the longest, one that is too long, and one that never ends.
pub fn seeds() -> Vec<Vec<u8>> {
    let framed = |len: usize| {
        [
            &prefix(len).unwrap_or([0xff; PREFIX])[..],
            &vec![7; len.min(3_000)],
        ]
        .concat()
    };
    let stream = |lens: &[usize]| -> Vec<u8> { lens.iter().flat_map(|len| framed(*len)).collect() };
    vec![
        [&[3, 1, 5, 200], &stream(&[20, 0, 1, 1_200, 2_048])[..]].concat(),
        [&[1, 255], &stream(&[5, 5_000])[..]].concat(),
        [&[2, 1, 2], &stream(&[28])[..], &[8, 0, 1, 2, 3]].concat(),
    ]
}

/// The sizes of the pieces, with their number, and the stream.
pub fn run(input: &[u8]) -> String {
    let mut input = Input::new(input);
    let count = 1 + input.below(8);
    let sizes: Vec<_> = input
        .take(count)
        .iter()
        .map(|size| usize::from(*size).max(1))
        .collect();
    let stream = input.rest();
    let whole = cut(stream, &[stream.len().max(1)]);
    let pieces = cut(stream, if sizes.is_empty() { &[1] } else { &sizes });
    // A stream that goes wrong gives, before it does, no other frames than a stream that goes on.
    match (&whole, &pieces) {
        (Ok(whole), Ok(pieces)) => {
            assert_eq!(whole, pieces);
            let framed = whole
                .iter()
                .map(|frame| PREFIX + frame.len())
                .sum::<usize>();
            assert!(framed <= stream.len());
        }
        (Err(whole), Err(pieces)) => assert_eq!(whole, pieces),
        _ => panic!("{whole:?} or {pieces:?}"),
    }
    let frames = whole.as_ref().map_or(0, Vec::len);
    let longest = whole
        .as_ref()
        .map_or(0, |frames| frames.iter().map(Vec::len).max().unwrap_or(0));
    format!(
        "{} {} {}",
        whole.is_ok(),
        frames.min(20),
        longest.max(1).ilog2()
    )
}

fn cut(stream: &[u8], sizes: &[usize]) -> Result<Vec<Vec<u8>>, FrameTooLong> {
    let (mut deframer, mut out) = (Deframer::default(), Vec::new());
    let (mut rest, mut sizes) = (stream, sizes.iter().cycle());
    while !rest.is_empty() {
        let size = sizes.next().map_or(1, |size| (*size).min(rest.len()));
        let (piece, after) = rest.split_at(size);
        rest = after;
        deframer.push(&mut piece.to_vec(), |frame| {
            assert!(!frame.is_empty() && prefix(frame.len()).is_some());
            out.push(frame.to_vec());
        })?;
        assert!(deframer.pending() < PREFIX + 2_048);
    }
    Ok(out)
}
