//! What a link does, it does to the share of packets that was asked for, and to no other.

use std::time::Duration;

use xrtc_netem::{Burst, Link, LinkConfig, LinkCounters};
use xrtc_rtp::{Bitrate, Time};

const COUNT: u64 = 10_000;

/// Sends `COUNT` packets of 1,000 bytes, one a millisecond, and returns (arrival, number) of those delivered.
fn run(config: LinkConfig, seed: u64) -> (Vec<(Time, u64)>, LinkCounters) {
    let mut link = Link::new(config, seed);
    let mut delivered = Vec::new();
    for number in 0..COUNT {
        let now = Time::from_millis(number);
        take(&mut link, now, &mut delivered);
        link.send(now, 1_000, number);
    }
    take(&mut link, Time::MAX, &mut delivered);
    assert_eq!(link.under_way(), 0);
    let counters = link.counters();
    let fates = counters.delivered + counters.lost + counters.overflowed;
    assert_eq!(fates, counters.sent + counters.duplicated);
    assert_eq!(counters.delivered, delivered.len() as u64);
    (delivered, counters)
}

fn take(link: &mut Link<u64>, now: Time, delivered: &mut Vec<(Time, u64)>) {
    while let Some(arrival) = link.poll_timeout().filter(|&arrival| arrival <= now) {
        delivered.push((arrival, link.poll_deliver(arrival).unwrap()));
    }
}

fn numbers(delivered: &[(Time, u64)]) -> Vec<u64> {
    delivered.iter().map(|entry| entry.1).collect()
}

fn is_in_order(delivered: &[(Time, u64)]) -> bool {
    delivered.is_sorted_by_key(|entry| entry.1)
}

#[test]
fn the_default_delivers_everything_at_once() {
    let (delivered, _) = run(LinkConfig::default(), 1);
    let expected: Vec<_> = (0..COUNT)
        .map(|number| (Time::from_millis(number), number))
        .collect();
    assert_eq!(delivered, expected);
}

#[test]
fn nothing_is_delivered_before_it_arrives() {
    let config = LinkConfig {
        delay: Duration::from_millis(20),
        ..LinkConfig::default()
    };
    let mut link = Link::new(config, 1);
    link.send(Time::from_millis(5), 1, 'a');
    assert_eq!(link.poll_timeout(), Some(Time::from_millis(25)));
    assert_eq!(link.poll_deliver(Time::from_millis(24)), None);
    assert_eq!(link.poll_deliver(Time::from_millis(25)), Some('a'));
    assert_eq!(link.poll_timeout(), None);
}

#[test]
fn a_tenth_is_lost() {
    let (delivered, counters) = run(
        LinkConfig {
            loss: 0.1,
            ..LinkConfig::default()
        },
        1,
    );
    assert!((900..1_100).contains(&counters.lost), "{counters:?}");
    assert!(is_in_order(&delivered));
}

#[test]
fn all_is_lost_with_a_loss_of_one() {
    let (delivered, counters) = run(
        LinkConfig {
            loss: 1.0,
            ..LinkConfig::default()
        },
        1,
    );
    assert_eq!(counters.lost, COUNT);
    assert_eq!(delivered, []);
}

#[test]
fn bursts_lose_packets_in_a_row() {
    let burst = Burst {
        begin: 0.01,
        end: 0.2,
        loss: 1.0,
    };
    let config = LinkConfig {
        burst: Some(burst),
        ..LinkConfig::default()
    };
    let (delivered, counters) = run(config, 1);
    let gaps = numbers(&delivered)
        .windows(2)
        .filter(|pair| pair[1] - pair[0] > 1)
        .count() as u64;
    // In the long run the bad state holds begin / (begin + end) of the packets, five in a row.
    assert!((350..620).contains(&counters.lost), "{counters:?}");
    assert!(
        (3..8).contains(&(counters.lost / gaps)),
        "{} in {gaps} gaps",
        counters.lost
    );
}

#[test]
fn jitter_spreads_the_delay_and_keeps_the_order() {
    let config = LinkConfig {
        delay: Duration::from_millis(10),
        jitter: Duration::from_millis(30),
        ..LinkConfig::default()
    };
    let (delivered, _) = run(config, 1);
    assert!(is_in_order(&delivered));
    let delays = || {
        delivered
            .iter()
            .map(|(at, number)| at.since(Time::from_millis(*number)))
    };
    assert!(delays().all(|delay| (10..=40).contains(&delay.as_millis())));
    assert!(delays().any(|delay| delay.as_millis() > 35));
}

#[test]
fn jitter_with_overtaking_delays_each_packet_by_itself() {
    let config = LinkConfig {
        delay: Duration::from_millis(10),
        jitter: Duration::from_millis(30),
        overtaking: true,
        ..LinkConfig::default()
    };
    let (delivered, _) = run(config, 1);
    let delays = || {
        delivered
            .iter()
            .map(|(at, number)| at.since(Time::from_millis(*number)).as_micros() as u64)
    };
    assert!(delays().all(|delay| (10_000..=40_000).contains(&delay)));
    let mean = delays().sum::<u64>() / COUNT;
    assert!((24_500..25_500).contains(&mean), "{mean}");
    let late = numbers(&delivered)
        .windows(2)
        .filter(|pair| pair[1] < pair[0])
        .count();
    assert!(late as u64 > COUNT / 3, "{late}");
}

#[test]
fn packets_held_back_are_overtaken() {
    let config = LinkConfig {
        reordering: 0.05,
        reordering_delay: Duration::from_millis(3),
        ..LinkConfig::default()
    };
    let (delivered, counters) = run(config, 1);
    assert!((400..600).contains(&counters.reordered), "{counters:?}");
    assert_eq!(counters.delivered, COUNT);
    let late = numbers(&delivered)
        .windows(2)
        .filter(|pair| pair[1] < pair[0])
        .count();
    assert!(late > 300, "{late}");
}

#[test]
fn duplicates_arrive_twice() {
    let (delivered, counters) = run(
        LinkConfig {
            duplication: 0.1,
            ..LinkConfig::default()
        },
        1,
    );
    assert!((900..1_100).contains(&counters.duplicated), "{counters:?}");
    let twice = numbers(&delivered)
        .windows(2)
        .filter(|pair| pair[1] == pair[0])
        .count() as u64;
    assert_eq!(twice, counters.duplicated);
}

#[test]
fn the_rate_fills_the_queue_and_the_queue_overflows() {
    // 8 Mbit/s are offered: a thousand bytes a millisecond.
    let config = LinkConfig {
        rate: Some(Bitrate(4_000_000)),
        queue: Duration::from_millis(50),
        ..LinkConfig::default()
    };
    let (delivered, counters) = run(config, 1);
    assert!(
        (4_900..5_010).contains(&counters.overflowed),
        "{counters:?}"
    );
    assert_eq!(counters.lost, 0);
    assert!(is_in_order(&delivered));
    // The last bit of a packet that just fits in the queue is 2 ms behind it.
    let delays = delivered
        .iter()
        .map(|(at, number)| at.since(Time::from_millis(*number)));
    let longest = delays.max().unwrap();
    assert!((49..=52).contains(&longest.as_millis()), "{longest:?}");
}

#[test]
fn a_rate_of_zero_carries_nothing() {
    let config = LinkConfig {
        rate: Some(Bitrate(0)),
        ..LinkConfig::default()
    };
    let (_, counters) = run(config, 1);
    assert_eq!(counters.overflowed, COUNT);
}

#[test]
fn a_seed_decides_everything() {
    let config = LinkConfig {
        loss: 0.05,
        burst: Some(Burst {
            begin: 0.01,
            end: 0.3,
            loss: 0.8,
        }),
        duplication: 0.02,
        delay: Duration::from_millis(30),
        jitter: Duration::from_millis(10),
        overtaking: true,
        reordering: 0.02,
        reordering_delay: Duration::from_millis(5),
        rate: Some(Bitrate(10_000_000)),
        queue: Duration::from_millis(100),
    };
    assert_eq!(run(config, 7), run(config, 7));
    assert_ne!(run(config, 7).0, run(config, 8).0);
}

#[test]
fn a_link_can_go_down_and_up_again() {
    let up = LinkConfig {
        delay: Duration::from_millis(10),
        ..LinkConfig::default()
    };
    let mut link = Link::new(up, 1);
    link.send(Time::ZERO, 1, 'a');
    link.reconfigure(LinkConfig { loss: 1.0, ..up });
    link.send(Time::ZERO, 1, 'b');
    link.reconfigure(up);
    link.send(Time::ZERO, 1, 'c');
    let arrival = Time::from_millis(10);
    let delivered: Vec<_> = std::iter::from_fn(|| link.poll_deliver(arrival)).collect();
    assert_eq!(delivered, ['a', 'c']);
    assert_eq!(link.counters().lost, 1);
}
