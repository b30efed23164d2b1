//! Our transport-wide feedback as another implementation reads it.

use std::time::Duration;

use rtc_rtcp::packet::unmarshal;
use rtc_rtcp::transport_feedbacks::transport_layer_cc::{
    PacketStatusChunk, SymbolTypeTcc, TransportLayerCc,
};
use xrtc_bwe::ArrivalLog;
use xrtc_rtp::{Ssrc, Time};

/// Sequence number, and the arrival in ticks of 250 µs.
type Arrivals = Vec<(u16, Option<i64>)>;

/// What it makes of a packet of ours.
fn read(mut datagram: &[u8]) -> Arrivals {
    let packets = unmarshal(&mut datagram).expect("it can be read");
    let [packet] = &packets[..] else {
        panic!("{} packets", packets.len())
    };
    let feedback: &TransportLayerCc = packet.as_any().downcast_ref().expect("feedback");
    let symbols = feedback.packet_chunks.iter().flat_map(|chunk| match chunk {
        PacketStatusChunk::RunLengthChunk(run) => {
            vec![run.packet_status_symbol; run.run_length.into()]
        }
        PacketStatusChunk::StatusVectorChunk(vector) => vector.symbol_list.clone(),
    });
    let mut deltas = feedback.recv_deltas.iter();
    let mut ticks = i64::from(feedback.reference_time) * 256;
    let mut number = feedback.base_sequence_number;
    symbols
        .take(feedback.packet_status_count.into())
        .map(|symbol| {
            let arrival = (symbol != SymbolTypeTcc::PacketNotReceived).then(|| {
                let delta = deltas.next().expect("a delta for each packet that arrived");
                ticks += delta.delta / 250;
                // The reference time wraps after 24 bits.
                ticks & 0xffff_ffff
            });
            let entry = (number, arrival);
            number = number.wrapping_add(1);
            entry
        })
        .collect()
}

#[test]
fn f79_another_implementation_reads_the_arrivals_that_we_recorded() {
    for seed in 0..200 {
        let mut rng = Rng(seed);
        let mut log = ArrivalLog::new();
        // Around the wraps of sequence numbers and of the 24 bits of reference time (64 ms each).
        let wrap = Duration::from_millis(64) * (1 << 24);
        let start = match seed % 3 {
            0 => Time::from_millis(3_600_000),
            _ => Time::ZERO + wrap - Duration::from_millis(rng.below(2_000)),
        };
        let (mut now, mut number) = (start, 65_000_u64 + rng.below(600));
        let mut expected: Arrivals = Vec::new();
        let mut told: Arrivals = Vec::new();
        for _ in 0..rng.below(900) {
            // Gaps and pauses of every size: runs, vectors, large deltas, another packet.
            let lost = match rng.below(20) {
                0 => rng.below(40),
                1..=3 => 1,
                _ => 0,
            };
            // What was lost before the first arrival nobody knows of.
            if !expected.is_empty() {
                expected.extend((0..lost).map(|lost| ((number + lost) as u16, None)));
            }
            number += lost;
            let pause = [0, 0, 250, 5_000, 70_000, 900_000][rng.below(6) as usize];
            now += Duration::from_micros(pause);
            log.record(now, number as u16);
            let ticks = (now.as_nanos() / 250_000) as i64 & 0xffff_ffff;
            expected.push((number as u16, Some(ticks)));
            number += 1;
            told.extend(poll(&mut log, now));
        }
        told.extend(poll(&mut log, now + Duration::from_secs(1)));
        let differs = told.iter().zip(&expected).find(|(told, was)| told != was);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(told.len(), expected.len(), "seed {seed}");
    }
}

fn poll(log: &mut ArrivalLog, now: Time) -> Arrivals {
    let mut all = Vec::new();
    let mut out = [0; 1_200];
    while let Some(len) = log.poll_feedback(now, Ssrc(1), Ssrc(2), &mut out) {
        all.extend(read(&out[..len]));
    }
    all
}

/// xorshift64*.
struct Rng(u64);

impl Rng {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= 0x9e37_79b9_7f4a_7c15;
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % end
    }
}
