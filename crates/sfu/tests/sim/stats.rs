//! The figures agree with what the browsers know.

use xrtc_rtp::MediaKind;
use xrtc_sfu::{Command, Event, StatsRecord, StatsValue};
use xrtc_testkit::{PublishConfig, ViewConfig};

use crate::world::{EndId, World, name_at, network};

pub(crate) fn stats(world: &mut World, end: EndId) -> Vec<StatsRecord> {
    let (worker, peer) = (world.ends[end].worker, world.ends[end].peer);
    match world.ask(worker, |request| Command::GetStats { request, peer }) {
        Event::Stats { records, .. } => records,
        other => panic!("{other:?}"),
    }
}

fn of_kind<'a>(records: &'a [StatsRecord], record: &str, kind: &str) -> &'a StatsRecord {
    let is_kind = |other: &&StatsRecord| {
        other.kind == record
            && matches!(other.get("kind"), Some(StatsValue::Text(text)) if text == kind)
    };
    records
        .iter()
        .find(is_kind)
        .unwrap_or_else(|| panic!("no {record} of {kind} in {records:#?}"))
}

fn text<'a>(record: &'a StatsRecord, name: &str) -> &'a str {
    match record.get(name) {
        Some(StatsValue::Text(text)) => text,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn counts_agree_with_the_browsers_and_ids_lead_to_records() {
    let mut world = World::new(2, 1);
    let stream = name_at(0, 2);
    let publisher = world.publish(&stream, PublishConfig::default(), network(20, 0, 0.02));
    let viewer = world.view(1, &stream, ViewConfig::default(), network(20, 0, 0.02));
    world.connect_all();
    world.run_ms(5_000);
    let records = stats(&mut world, publisher);
    let inbound = of_kind(&records, "inbound-rtp", "video");
    let sent = world.sent(publisher).len() as f64;
    assert!(
        (inbound.number("framesReceived") - sent).abs() <= 3.0,
        "{inbound:#?} of {sent}"
    );
    assert!(
        inbound.number("nackCount") > 0.0 && inbound.number("retransmittedPacketsReceived") > 0.0
    );
    assert_eq!(
        (inbound.number("frameWidth"), inbound.number("frameHeight")),
        (640.0, 360.0)
    );
    let records = stats(&mut world, viewer);
    let outbound = of_kind(&records, "outbound-rtp", "video");
    let remote = of_kind(&records, "remote-inbound-rtp", "video");
    let source = world.ends[viewer]
        .browser
        .viewer()
        .and_then(|viewer| viewer.source(MediaKind::Video))
        .expect("video");
    let received = source.packets as f64;
    let due = outbound.number("packetsSent");
    assert!(
        received <= due && received > due * 0.95,
        "{received} of {due}"
    );
    assert_eq!(outbound.number("ssrc"), f64::from(source.ssrc.0));
    let rtt = remote.number("roundTripTime");
    assert!((0.035..0.06).contains(&rtt), "{rtt}");
    assert_eq!(text(outbound, "remoteId"), remote.id);
    let codec = records
        .iter()
        .find(|record| record.id == text(outbound, "codecId"))
        .expect("codec");
    assert_eq!(text(codec, "mimeType"), "video/VP8");
    let transport = records
        .iter()
        .find(|record| record.kind == "transport")
        .expect("transport");
    assert!(transport.number("bytesSent") > outbound.number("bytesSent"));
    assert_eq!(text(transport, "dtlsState"), "connected");
    let pair = records
        .iter()
        .find(|record| record.id == text(transport, "selectedCandidatePairId"))
        .expect("pair");
    assert!(
        records
            .iter()
            .any(|record| record.id == text(pair, "remoteCandidateId"))
    );
    let mut ids: Vec<_> = records.iter().map(|record| &record.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), records.len(), "every id is there once");
}
