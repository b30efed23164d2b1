//! All workers behind one port: the kernel hands each address to some worker, and signaling has chosen another.

use std::time::Duration;

use fastrand::Rng;
use xrtc_testkit::{PublishConfig, ViewConfig};

use crate::world::{EndId, World, name_at, network};

/// Streams on all workers, each watched on all workers, connected and playing.
fn playing(workers: u16, seed: u64) -> (World, Vec<EndId>, Vec<EndId>) {
    let mut world = World::new(workers, seed);
    let workers = usize::from(workers);
    let streams: Vec<_> = (0..workers).map(|home| name_at(home, workers)).collect();
    let link = network(10, 3, 0.0);
    let publishers = streams
        .iter()
        .map(|stream| world.publish(stream, PublishConfig::default(), link))
        .collect();
    let mut viewers = Vec::new();
    for stream in &streams {
        viewers.extend(
            (0..workers).map(|worker| world.view(worker, stream, ViewConfig::default(), link)),
        );
    }
    world.connect_all();
    world.run_ms(1_000);
    (world, publishers, viewers)
}

fn strays(world: &World) -> usize {
    let ends = (0..world.ends.len()).filter(|end| !world.ends[*end].is_gone);
    ends.filter(|end| world.receiver_of(*end) != world.ends[*end].worker)
        .count()
}

/// The viewer has every frame since its `first` one.
fn misses_nothing(world: &World, viewer: EndId, first: usize) -> bool {
    let frames = &world.frames(viewer)[first..];
    !frames.is_empty()
        && frames
            .windows(2)
            .all(|pair| pair[1].frame == pair[0].frame + 1)
}

fn frames(world: &World, viewers: &[EndId]) -> Vec<usize> {
    viewers
        .iter()
        .map(|viewer| world.frames(*viewer).len())
        .collect()
}

#[test]
fn everybody_plays_wherever_the_kernel_hands_them_and_every_detour_ends_with_its_peer() {
    for seed in 0..6 {
        let (mut world, publishers, viewers) = playing(2 + (seed % 3) as u16, seed);
        assert!(strays(&world) > 0, "seed {seed} has no strays");
        assert_eq!(world.detours(), strays(&world), "seed {seed}");
        world.run_ms(2_000);
        for viewer in &viewers {
            assert!(misses_nothing(&world, *viewer, 0), "seed {seed}");
        }
        let mut rng = Rng::with_seed(seed);
        for end in publishers.into_iter().chain(viewers) {
            if rng.bool() {
                world.close(end);
            } else {
                world.hang_up(end);
            }
        }
        world.run_ms(200);
        let held: u64 = (0..world.workers.len())
            .map(|worker| world.held(worker).addresses)
            .sum();
        assert_eq!((held, world.detours()), (0, 0), "seed {seed}");
    }
}

#[test]
fn a_viewer_that_roams_to_another_workers_socket_misses_no_frame() {
    for seed in 20..23 {
        let (mut world, _, viewers) = playing(3, seed);
        let roaming = viewers[0];
        let before = world.receiver_of(roaming);
        while world.receiver_of(roaming) == before {
            let port = world.ends[roaming].nat.port();
            world.ends[roaming].nat.set_port(port + 1_000);
        }
        // Until its next check nobody knows where it is, one port or many (RFC 7675 §5.1: 4 to 6 s).
        world.run_ms(6_500);
        let settled = world.frames(roaming).len();
        world.run_ms(2_000);
        assert!(world.frames(roaming).len() > settled + 50, "seed {seed}");
        assert!(misses_nothing(&world, roaming, settled), "seed {seed}");
        for viewer in &viewers[1..] {
            assert!(misses_nothing(&world, *viewer, 0), "seed {seed}");
        }
    }
}

#[test]
fn after_a_new_steering_everybody_goes_on_with_their_next_check() {
    for seed in 40..43 {
        let (mut world, _, viewers) = playing(4, seed);
        for _ in 0..2 {
            world.resteer();
            world.run_ms(6_500);
            assert_eq!(world.detours(), strays(&world), "seed {seed}");
            let settled = frames(&world, &viewers);
            world.run_ms(1_000);
            for (viewer, settled) in viewers.iter().zip(settled) {
                assert!(world.frames(*viewer).len() > settled + 25, "seed {seed}");
                assert!(misses_nothing(&world, *viewer, settled), "seed {seed}");
            }
        }
    }
}

#[test]
fn a_bug_in_the_worker_that_receives_for_others_costs_them_nothing() {
    for seed in 60..63 {
        let (mut world, publishers, viewers) = playing(4, seed);
        for failing in 0..4 {
            let through_it = publishers.iter().filter(|publisher| {
                world.receiver_of(**publisher) == failing
                    && world.ends[**publisher].worker != failing
            });
            if through_it.count() == 0 {
                continue;
            }
            world.restart_worker(failing);
            world.run_ms(2_000);
            // Streams that had their home there have ended their publishers; all others go on.
            for (index, viewer) in viewers.iter().enumerate() {
                let home = index / 4;
                if home != failing && world.ends[*viewer].worker != failing {
                    assert!(misses_nothing(&world, *viewer, 0), "seed {seed}");
                    let last = world.frames(*viewer).last().expect("frames").at;
                    assert!(world.now.since(last) < Duration::from_millis(100));
                }
            }
            break;
        }
    }
}

#[test]
fn forged_checks_for_other_workers_are_counted_and_cross_to_nobody() {
    let (mut world, _, viewers) = playing(2, 80);
    let (before, held) = (world.detours(), [0, 1].map(|worker| world.held(worker)));
    let mut rng = Rng::with_seed(80);
    for viewer in &viewers {
        let mut forged =
            crate::garbage::forged_check(&format!("{}:x", world.server_ufrag(*viewer)));
        for _ in 0..50 {
            let last = forged.len() - 1;
            forged[last] = rng.u8(..);
            let remote = ([203, 0, 113, 1], rng.u16(1024..)).into();
            crate::garbage::inject(&mut world, remote, &forged);
        }
    }
    let refused: usize = world
        .workers
        .iter()
        .map(|worker| worker.front.refused)
        .sum();
    let answered: u64 = (0..2)
        .map(|worker| {
            world.counter(worker, "ice.wrongIntegrity")
                + world.counter(worker, "ice.wrongFingerprint")
        })
        .sum();
    assert!(refused > 50, "{refused} {answered}");
    assert_eq!(refused as u64 + answered, 50 * viewers.len() as u64);
    assert_eq!(world.detours(), before);
    let addresses = [0, 1].map(|worker| world.held(worker).addresses);
    assert_eq!(addresses, held.map(|held| held.addresses));
}
