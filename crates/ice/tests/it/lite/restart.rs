//! Restarts.

use std::time::Duration;

use xrtc_ice::Event;

use super::{Answer, HOME, MOBILE, Server};
use crate::network::credentials;

#[test]
fn a_restart_keeps_the_old_path_until_the_new_generation_nominates() {
    let mut server = Server::new();
    let old = server.request(HOME).nominating();
    server.check(&old);
    server.events();
    let old_credentials = server.restart(2);
    assert_eq!(server.agent.local(), &credentials(2));
    assert_eq!(server.selected().as_deref(), Some(HOME));
    assert!(
        server.agent.accepts_ufrag(old_credentials.ufrag())
            && server.agent.accepts_ufrag(server.local.ufrag())
    );

    // Both generations are answered; the new one's mere checks move nothing yet.
    let new = server.request(MOBILE);
    assert_eq!(server.check(&old), Answer::Success(HOME.parse().unwrap()));
    assert_eq!(server.check(&new), Answer::Success(MOBILE.parse().unwrap()));
    assert_eq!(server.events(), []);

    server.check(&new.clone().nominating());
    assert_eq!(server.events(), [Event::Selected(new.path)]);
    assert!(!server.agent.accepts_ufrag(old_credentials.ufrag()));
    assert_eq!(server.check(&old), Answer::Nothing);
}

#[test]
fn a_restart_on_the_same_path_changes_generation_without_an_event() {
    let mut server = Server::new();
    server.check(&server.request(HOME).nominating());
    server.events();
    let old = server.restart(2);
    server.check(&server.request(HOME).nominating());
    assert_eq!(server.events(), []);
    assert!(!server.agent.accepts_ufrag(old.ufrag()));
}

#[test]
fn the_old_generation_nominates_nothing_any_more() {
    let mut server = Server::new();
    let old_home = server.request(HOME).nominating();
    server.check(&old_home);
    let old_mobile = server.request(MOBILE).nominating();
    server.restart(2);
    // The new generation has checked the selected path, so it owns it.
    server.check(&server.request(HOME));
    server.check(&old_mobile);
    assert_eq!(server.selected().as_deref(), Some(HOME));
}

#[test]
fn a_second_restart_before_the_first_has_selected_keeps_the_path_in_use() {
    let mut server = Server::new();
    let first = server.request(HOME).nominating();
    server.check(&first);
    let first_credentials = server.restart(2);
    let second_credentials = server.restart(3);
    assert!(server.agent.accepts_ufrag(first_credentials.ufrag()));
    assert!(!server.agent.accepts_ufrag(second_credentials.ufrag()));
    assert_eq!(server.check(&first), Answer::Success(HOME.parse().unwrap()));
}

#[test]
fn a_restart_after_the_end_begins_anew() {
    let mut server = Server::new();
    server.check(&server.request(HOME));
    server.advance(30);
    assert_eq!(server.events(), [Event::ConsentExpired]);
    server.restart(2);
    assert_eq!(
        server.agent.poll_timeout(),
        Some(server.now + Duration::from_secs(30))
    );
    let request = server.request(HOME);
    assert_eq!(
        server.check(&request),
        Answer::Success(HOME.parse().unwrap())
    );
    assert_eq!(server.events(), [Event::Selected(request.path)]);
}
