//! RTCP compounds: every packet's lists are bounded by the datagram, and what we write of what we read reads the same.

use std::collections::BTreeSet;
use std::fmt::Write;

use xrtc_rtp::rtcp::{
    FirEntry, Packet, ReportBlock, SenderInfo, packets, write_bye, write_fir, write_nack,
    write_pli, write_receiver_report, write_remb, write_sdes_cname, write_sender_report,
    write_transport_feedback,
};
use xrtc_rtp::{Bitrate, NtpTime, Ssrc};

/// A compound of everything, and each packet alone.
pub fn seeds() -> Vec<Vec<u8>> {
    let written = |write: &dyn Fn(&mut [u8]) -> Option<usize>| {
        let mut out = vec![0; 400];
        let len = write(&mut out).expect("there is room");
        out.truncate(len);
        out
    };
    let (us, them) = (Ssrc(0x1111_1111), Ssrc(0x2222_2222));
    let block = ReportBlock {
        ssrc: them,
        ..ReportBlock::default()
    };
    let info = SenderInfo {
        ntp: NtpTime(0x8388_8888_8888_8888),
        rtp_timestamp: 1,
        packet_count: 2,
        octet_count: 3,
    };
    let fir = [FirEntry {
        media: them,
        sequence_number: 7,
    }];
    let mut all = vec![
        written(&|out| write_sender_report(out, us, &info, &[block])),
        written(&|out| write_receiver_report(out, us, &[block, block])),
        written(&|out| write_sdes_cname(out, us, "somebody")),
        written(&|out| write_nack(out, us, them, [1, 2, 18, 65_535, 0].into_iter())),
        written(&|out| write_pli(out, us, them)),
        written(&|out| write_fir(out, us, &fir)),
        written(&|out| write_remb(out, us, Bitrate(1_000_000), &[us, them])),
        written(&|out| write_bye(out, &[us, them], "gone")),
        // Transport-wide feedback with a run and a vector, then APP and XR.
        b"\x8f\xcd\x00\x07\x11\x11\x11\x11\x22\x22\x22\x22\x00\x99\x00\x0b\x00\x00\x01\x05\x20\x02\xd9\x00\x01\x02\x03\x04\x05\x06\x00\x00".to_vec(),
        b"\x80\xcc\x00\x02\x11\x11\x11\x11name\x80\xcf\x00\x01\x11\x11\x11\x11".to_vec(),
    ];
    all.push(all.concat());
    all
}

/// One datagram.
pub fn run(datagram: &[u8]) -> String {
    let mut word = String::new();
    let mut count = 0;
    for packet in packets(datagram) {
        count += 1;
        match packet {
            Ok(packet) => read(&packet, datagram.len(), &mut word),
            Err(reason) => drop(write!(word, "{reason:?} ")),
        }
    }
    // A packet has at least four bytes; one error may come behind the last of them.
    assert!(count <= datagram.len() / 4 + 1);
    word.truncate(60);
    word
}

fn read(packet: &Packet<'_>, len: usize, word: &mut String) {
    let meaning = meaning(packet, len);
    let kind = meaning.split(' ').next().unwrap_or_default();
    let _ = write!(word, "{kind} ");
    let mut out = vec![0; 2 * len + 64];
    if let Some(written) = write_again(packet, &mut out) {
        let again = packets(&out[..written]).next().expect("one was written");
        let again = again.expect("what we write can be read");
        assert_eq!(self::meaning(&again, written), meaning, "as it was read");
    }
}

/// What a packet says, with the bounds of its lists checked.
fn meaning(packet: &Packet<'_>, len: usize) -> String {
    match packet {
        Packet::SenderReport(report) => {
            let blocks: Vec<_> = report.report_blocks().collect();
            assert!(blocks.len() <= 31);
            format!("sr {:?} {:?} {blocks:?}", report.ssrc, report.info)
        }
        Packet::ReceiverReport(report) => {
            let blocks: Vec<_> = report.report_blocks().collect();
            assert!(blocks.len() <= 31);
            format!("rr {:?} {blocks:?}", report.ssrc)
        }
        Packet::Sdes(sdes) => {
            let items = sdes.chunks().map(|chunk| chunk.items().count() + 1);
            assert!(items.sum::<usize>() <= len);
            "sdes".to_owned()
        }
        Packet::Bye(bye) => {
            assert!(bye.ssrcs().count() <= 31 && bye.reason().len() <= 255);
            "bye".to_owned()
        }
        Packet::Nack(nack) => {
            let numbers: BTreeSet<_> = nack.sequence_numbers().collect();
            assert!(nack.sequence_numbers().count() <= 17 * len / 4);
            format!("nack {:?} {:?} {numbers:?}", nack.sender, nack.media)
        }
        Packet::Fir(fir) => {
            let entries: Vec<_> = fir.entries().collect();
            assert!(entries.len() <= len / 8);
            format!("fir {:?} {entries:?}", fir.sender)
        }
        Packet::Pli(pli) => format!("pli {pli:?}"),
        Packet::Remb(remb) => {
            let ssrcs: Vec<_> = remb.ssrcs().collect();
            assert!(ssrcs.len() <= 255);
            format!("remb {:?} {} {ssrcs:?}", remb.sender, remb.bitrate.0)
        }
        Packet::TransportFeedback(feedback) => {
            let arrivals: Vec<_> = feedback.arrivals().collect();
            assert_eq!(arrivals.len(), usize::from(feedback.status_count));
            format!("twcc {:?} {arrivals:?}", feedback.header)
        }
        Packet::Other { packet_type, .. } => format!("other {packet_type}"),
    }
}

/// Where the packet is one that we write too, and says nothing that our form cannot say.
fn write_again(packet: &Packet<'_>, out: &mut [u8]) -> Option<usize> {
    let written = match packet {
        Packet::SenderReport(report) => {
            let blocks: Vec<_> = report.report_blocks().collect();
            write_sender_report(out, report.ssrc, &report.info, &blocks)
        }
        Packet::ReceiverReport(report) => {
            let blocks: Vec<_> = report.report_blocks().collect();
            write_receiver_report(out, report.ssrc, &blocks)
        }
        Packet::Nack(nack) => {
            let numbers: BTreeSet<_> = nack.sequence_numbers().collect();
            if numbers.is_empty() {
                return None;
            }
            write_nack(out, nack.sender, nack.media, numbers)
        }
        Packet::Fir(fir) => write_fir(out, fir.sender, &fir.entries().collect::<Vec<_>>()),
        Packet::Pli(pli) => write_pli(out, pli.sender, pli.media),
        // What saturated is rounded when it is written.
        Packet::Remb(remb) if remb.bitrate.0 < u64::MAX => {
            let ssrcs: Vec<_> = remb.ssrcs().collect();
            write_remb(out, remb.sender, remb.bitrate, &ssrcs)
        }
        Packet::TransportFeedback(feedback) => {
            let mut before = i64::from(feedback.header.reference_time) * 256;
            let deltas = feedback.arrivals().map(|arrival| {
                arrival.ticks.map(|ticks| {
                    let delta = ticks - before;
                    before = ticks;
                    i16::try_from(delta).expect("it was read from sixteen bits")
                })
            });
            let deltas: Vec<_> = deltas.collect();
            if deltas.is_empty() {
                return None;
            }
            write_transport_feedback(out, &feedback.header, deltas.into_iter())
        }
        _ => return None,
    };
    Some(written.expect("there is room"))
}
