//! What the application asks for, at the right and at the wrong time.

use xrtc_rtp::Rid;
use xrtc_sfu::{Command, Event, LayerWish, Media, PeerId, PullOptions, PushOptions, WorkerId};
use xrtc_testkit::{Browser, PublishConfig, Side, ViewConfig};

use super::{Life, stream};
use crate::input::Input;
use crate::world::{name, network};

/// An offer of ours that waits.
pub(super) struct Offered {
    pub(super) worker: usize,
    pub(super) peer: PeerId,
    sdp: String,
    browser: Browser,
}

impl Life {
    fn new_peer(&mut self) -> PeerId {
        PeerId(self.next_request().0)
    }

    /// A push or a pull without an offer.
    pub(super) fn ask_for_offer(&mut self, input: &mut Input<'_>) {
        let (is_push, stream) = (input.flag(), stream(input));
        let peer = self.new_peer();
        let (worker, side) = if is_push {
            (
                self.world.home(&stream),
                Side::Publish(PublishConfig::default()),
            )
        } else {
            (
                input.below(self.world.workers.len()),
                Side::View(ViewConfig::default()),
            )
        };
        let browser = self.world.browser(side);
        let stream = name(&stream);
        let reply = self.world.ask(worker, |request| {
            if is_push {
                let options = PushOptions::default();
                Command::Push {
                    request,
                    peer,
                    stream,
                    options,
                }
            } else {
                let options = PullOptions::default();
                Command::Pull {
                    request,
                    peer,
                    stream,
                    options,
                }
            }
        });
        if let Event::Offer { sdp, .. } = reply {
            self.offers.push(Offered {
                worker,
                peer,
                sdp,
                browser,
            });
        }
    }

    /// The answer to an offer of ours, or to another one, or late.
    pub(super) fn answer_offer(&mut self, input: &mut Input<'_>) {
        if self.offers.is_empty() {
            return;
        }
        let at = input.below(self.offers.len());
        let Offered {
            worker,
            peer,
            sdp,
            mut browser,
        } = self.offers.swap_remove(at);
        let Ok(answer) = browser.accept_offer(self.world.now, &sdp) else {
            return;
        };
        let sdp = broken(answer, input.u8());
        let end = self
            .world
            .add_end(browser, (worker, peer), network(5, 0, 0.0));
        self.is_open.push(end);
        self.world
            .ask(worker, |request| Command::SetAnswer { request, peer, sdp });
    }

    /// A command about some peer; many of them come at the wrong time and are refused.
    pub(super) fn command(&mut self, input: &mut Input<'_>) {
        let (what, end) = (input.u8() % 10, self.end(input));
        let (worker, peer) = end.map_or((0, PeerId(7)), |end| {
            (self.world.ends[end].worker, self.world.ends[end].peer)
        });
        let offer = || {
            end.map_or(String::new(), |end| {
                self.world.ends[end].browser.create_offer()
            })
        };
        let text = match what {
            0 | 1 => broken(offer(), input.u8()),
            2 | 3 => String::from_utf8_lossy(input.block()).into_owned(),
            _ => String::new(),
        };
        let media = Media {
            audio: input.flag(),
            video: input.flag(),
        };
        let restart_ice = input.flag();
        let wish = LayerWish {
            rid: Rid::new(input.pick(&["q", "f", "x"])),
            max_width: input.flag().then(|| input.u16()),
            max_height: None,
        };
        self.world.ask(worker, |request| match what {
            0 => Command::SetOffer {
                request,
                peer,
                sdp: text,
            },
            1 => Command::SetAnswer {
                request,
                peer,
                sdp: text,
            },
            2 => Command::Trickle {
                request,
                peer,
                fragment: text,
            },
            3 => Command::SetOffer {
                request,
                peer,
                sdp: text,
            },
            4 => Command::OfferAgain {
                request,
                peer,
                media,
                restart_ice,
            },
            5 => Command::Commit { request, peer },
            6 => Command::RollBack { request, peer },
            7 => Command::SetLayer {
                request,
                peer,
                wish,
            },
            8 => Command::GetStats { request, peer },
            _ => Command::GetCounters { request },
        });
    }

    pub(super) fn restart_ice(&mut self, input: &mut Input<'_>) {
        let Some(end) = self.end(input) else { return };
        let (worker, peer) = (self.world.ends[end].worker, self.world.ends[end].peer);
        let fragment = self.world.ends[end].browser.restart_ice(self.world.now);
        let reply = self.world.ask(worker, |request| Command::Trickle {
            request,
            peer,
            fragment,
        });
        if let Event::Restarted { fragment, .. } = reply {
            let reply = self.world.ends[end].browser.set_restart_reply(&fragment);
            reply.expect("our fragment can be read");
        }
    }

    /// Where a worker hands a peer's datagrams over to another one.
    pub(super) fn worker(&self, number: usize) -> WorkerId {
        WorkerId((number % self.world.workers.len()) as u16)
    }
}

/// The description as it is, or without a line, or with one twice.
fn broken(sdp: String, how: u8) -> String {
    let mut lines: Vec<_> = sdp.lines().collect();
    let at = usize::from(how >> 1) % lines.len().max(1);
    match how {
        0 => return sdp,
        _ if lines.is_empty() => {}
        _ if how & 1 == 1 => drop(lines.remove(at)),
        _ => lines.insert(at, lines[at]),
    }
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}
