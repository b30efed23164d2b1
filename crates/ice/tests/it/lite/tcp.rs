//! Paths that are TCP connections.

use xrtc_ice::{Event, Path};

use super::{HOME, MOBILE, Request, Server};

fn over_tcp(request: Request) -> Request {
    Request {
        path: Path::tcp(request.path.local, request.path.remote),
        ..request
    }
}

#[test]
fn d62_a_connection_that_is_over_gives_way_at_once_to_the_path_that_was_checked_last() {
    let mut server = Server::new();
    let tcp = over_tcp(server.request(HOME)).nominating();
    let (home, mobile) = (server.request(HOME), server.request(MOBILE));
    server.check(&tcp);
    server.check(&mobile);
    server.advance(1);
    server.check(&home);
    server.events();
    assert_eq!(server.agent.selected(), Some(tcp.path));
    server.agent.close_path(server.now, tcp.path);
    assert_eq!(server.events(), [Event::Selected(home.path)]);
    assert!(!server.agent.is_validated(tcp.path));
    // The peer chooses as before.
    server.check(&mobile.nominating());
    assert_eq!(server.selected().as_deref(), Some(MOBILE));
}

#[test]
fn d62_without_another_path_media_waits_for_one_until_consent_has_run_out() {
    let mut server = Server::new();
    let tcp = over_tcp(server.request(HOME)).nominating();
    server.check(&tcp);
    server.events();
    server.advance(10);
    server.agent.close_path(server.now, tcp.path);
    assert_eq!((server.agent.selected(), server.events()), (None, vec![]));
    // Another connection, not nominated.
    let again = over_tcp(server.request(MOBILE));
    server.check(&again);
    assert_eq!(server.events(), [Event::Selected(again.path)]);
    server.agent.close_path(server.now, again.path);
    server.advance(29);
    assert_eq!(server.events(), []);
    server.advance(1);
    assert_eq!(server.events(), [Event::ConsentExpired]);
}

#[test]
fn the_end_of_a_connection_that_is_not_selected_changes_nothing() {
    let mut server = Server::new();
    let home = server.request(HOME).nominating();
    server.check(&home);
    server.events();
    let tcp = over_tcp(server.request(HOME));
    server.check(&tcp);
    server.agent.close_path(server.now, tcp.path);
    assert_eq!(server.agent.selected(), Some(home.path));
    assert_eq!(server.events(), []);
    assert!(!server.agent.is_validated(tcp.path));
}
