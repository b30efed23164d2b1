//! Frames on a TCP connection (RFC 4571).

use proptest::collection::vec;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use xrtc_ice::framing::{Deframer, FrameTooLong, PREFIX, announced, prefix};

fn framed(frames: &[Vec<u8>]) -> Vec<u8> {
    frames
        .iter()
        .flat_map(|frame| [&prefix(frame.len()).unwrap()[..], frame].concat())
        .collect()
}

/// Pushes `stream` in pieces of these sizes, again and again; gives what came out.
fn cut(stream: &[u8], sizes: &[usize]) -> Result<Vec<Vec<u8>>, FrameTooLong> {
    let (mut deframer, mut out) = (Deframer::default(), Vec::new());
    let (mut rest, mut sizes) = (stream, sizes.iter().cycle());
    while !rest.is_empty() {
        let size = *sizes.next().unwrap();
        let (piece, after) = rest.split_at(size.clamp(1, rest.len()));
        rest = after;
        deframer.push(&mut piece.to_vec(), |frame| out.push(frame.to_vec()))?;
        assert!(deframer.pending() < PREFIX + 2_048);
    }
    Ok(out)
}

proptest! {
    #[test]
    fn d62_frames_come_out_whole_however_the_stream_is_cut(
        frames in vec(vec(any::<u8>(), 0..600), 0..20),
        sizes in vec(1_usize..900, 1..10),
    ) {
        let expected: Vec<_> = frames.iter().filter(|frame| !frame.is_empty()).cloned().collect();
        prop_assert_eq!(cut(&framed(&frames), &sizes), Ok(expected));
    }

    #[test]
    fn d62_whatever_comes_is_cut_alike_and_holds_no_more_than_a_frame(
        stream in vec(any::<u8>(), 0..5_000),
        sizes in vec(1_usize..3_000, 1..10),
    ) {
        prop_assert_eq!(cut(&stream, &sizes).is_ok(), cut(&stream, &[stream.len()]).is_ok());
        if let Ok(frames) = cut(&stream, &sizes) {
            prop_assert!(frames.iter().all(|frame| frame.len() <= 2_048));
            prop_assert_eq!(Ok(frames), cut(&stream, &[1]));
        }
    }
}

#[test]
fn d62_a_frame_longer_than_any_datagram_is_an_error_as_soon_as_it_is_announced() {
    assert_eq!(prefix(2_048), Some([8, 0]));
    assert_eq!(prefix(2_049), None);
    assert_eq!(announced(&[8]), Ok(None));
    assert_eq!(announced(&[8, 0, 1]), Ok(Some(2_048)));
    let too_long = FrameTooLong { len: 2_049 };
    assert_eq!(announced(&[8, 1]), Err(too_long));
    let mut taken = 0;
    let mut stream = [framed(&[vec![1; 5]]), vec![8, 1]].concat();
    let pushed = Deframer::default().push(&mut stream, |_| taken += 1);
    assert_eq!((pushed, taken), (Err(too_long), 1));
    // Also where the announcement itself is cut.
    let mut deframer = Deframer::default();
    assert_eq!(deframer.push(&mut [8], |_| ()), Ok(()));
    assert_eq!(deframer.push(&mut [1], |_| ()), Err(too_long));
}
