//! After warm-up a worker allocates nothing for a packet: not at its home, not on its way to another worker, not
//! where it is sent to viewers.

use std::cell::Cell;

use allocation_counter::measure;
use xrtc_testkit::{PublishConfig, ViewConfig};

use crate::world::{World, name_at, network};

thread_local! {
    static METERED: Cell<u64> = const { Cell::new(0) };
}

/// Runs a worker and counts what it allocates.
fn meter(run: &mut dyn FnMut()) {
    let allocated = measure(run).count_total;
    METERED.with(|metered| metered.set(metered.get() + allocated));
}

#[test]
fn packets_are_received_relayed_repaired_and_sent_without_allocations() {
    let mut world = World::new(2, 1);
    let stream = name_at(0, 2);
    let publisher = world.publish(&stream, PublishConfig::default(), network(10, 15, 0.02));
    let viewers: Vec<_> = (0..6)
        .map(|index| {
            world.view(
                index % 2,
                &stream,
                ViewConfig::default(),
                network(10, 15, 0.02),
            )
        })
        .collect();
    world.connect_all();
    // Worse than what follows, and so long that each buffer of the pools has met the longest packet and grown to it.
    world.run_ms(60_000);
    for end in &mut world.ends {
        end.up.reconfigure(network(10, 5, 0.005));
        end.down.reconfigure(network(10, 5, 0.005));
    }
    let frames = world.sent(publisher).len();
    world.meter = meter;
    METERED.with(|metered| metered.set(0));
    world.run_ms(10_000);
    let allocated = METERED.with(Cell::get);
    assert!(world.sent(publisher).len() > frames + 290);
    assert!(
        viewers
            .iter()
            .all(|viewer| world.frames(*viewer).len() > 600)
    );
    // The pool of packets may grow when more of them are under way than ever before.
    assert!(allocated <= 3, "{allocated} allocations in ten seconds");
}
