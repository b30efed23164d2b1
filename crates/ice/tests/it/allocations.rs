//! Repeat checks allocate nothing.

use allocation_counter::measure;
use xrtc_rtp::Time;

use crate::lite::Server;

#[test]
fn a_repeat_check_allocates_nothing() {
    let mut server = Server::new();
    let request = server.request("198.51.100.1:40000");
    let bytes = server.bytes(&request);
    let mut out = [0; 1200];
    let mut take = |server: &mut Server| {
        server
            .agent
            .handle_datagram(Time::ZERO, request.path(), &bytes);
        assert!(server.agent.poll_transmit(Time::ZERO, &mut out).is_some());
        while server.agent.poll_event().is_some() {}
    };
    take(&mut server);
    let counted = measure(|| (0..100).for_each(|_| take(&mut server)));
    assert_eq!(counted.count_total, 0);
}
