//! What STUN costs: every peer's check, each some seconds for as long as it is there, and a stranger's.

use std::error::Error;
use std::hint::black_box;
use std::net::SocketAddr;

use xrtc_ice::stun::{Builder, Class, IntegrityKey, TransactionId};
use xrtc_ice::{Agent, AgentConfig, Candidate, Credentials, Path, Role};
use xrtc_rtp::Time;

use crate::micro::{CALLS, Outcome, least, time};

/// Nanoseconds in which a lite agent takes a peer's check and answers it.
pub(crate) fn answered() -> Outcome<f64> {
    let (mut agent, mut out) = (lite()?, [0; 256]);
    let checks = checks(PASSWORD)?;
    let mut number = 0;
    least(|| {
        let mut answered = 0;
        let ns = time(CALLS, || {
            let check = checks.get(number % checks.len()).map_or(&[][..], |one| one);
            number += 1;
            agent.handle_datagram(Time::ZERO, there().0, black_box(check));
            answered += u32::from(agent.poll_transmit(Time::ZERO, &mut out).is_some());
        });
        expect(answered, CALLS, "checks answered")?;
        Ok(ns)
    })
}

/// Nanoseconds in which it finds out that a check is forged, and says nothing but an error.
pub(crate) fn refused() -> Outcome<f64> {
    let (mut agent, mut out) = (lite()?, [0; 256]);
    let checks = checks("not-the-password-of-the-server")?;
    let mut number = 0;
    least(|| {
        let ns = time(CALLS, || {
            let check = checks.get(number % checks.len()).map_or(&[][..], |one| one);
            number += 1;
            agent.handle_datagram(Time::ZERO, there().0, black_box(check));
            black_box(agent.poll_transmit(Time::ZERO, &mut out));
        });
        expect(
            agent.selected().is_none().into(),
            1,
            "agents without a path",
        )?;
        Ok(ns)
    })
}

/// Nanoseconds of one question for consent: asked by a full agent, answered by a lite one, and the answer taken.
pub(crate) fn consent() -> Outcome<f64> {
    let mut pair = Pair {
        lite: lite()?,
        full: full()?,
        now: Time::ZERO,
        answered: 0,
    };
    pair.turn();
    expect(pair.full.selected().is_some().into(), 1, "paths")?;
    least(|| {
        pair.answered = 0;
        let ns = time(CONSENT_TURNS, || pair.turn());
        expect(pair.full.selected().is_some().into(), 1, "paths")?;
        Ok(ns * f64::from(CONSENT_TURNS) / f64::from(pair.answered))
    })
}

struct Pair {
    lite: Agent,
    full: Agent,
    now: Time,
    answered: u32,
}

impl Pair {
    /// Goes to the full agent's next timer and lets both say what they have to.
    fn turn(&mut self) {
        let (here, there) = there();
        self.now = self.full.poll_timeout().unwrap_or(self.now).max(self.now);
        let (now, mut out) = (self.now, [0; 256]);
        self.full.handle_timeout(now);
        self.lite.handle_timeout(now);
        while let Some(sent) = self.full.poll_transmit(now, &mut out) {
            let check = out.get(..sent.len).unwrap_or_default();
            self.lite.handle_datagram(now, here, check);
            let Some(sent) = self.lite.poll_transmit(now, &mut out) else {
                continue;
            };
            let answer = out.get(..sent.len).unwrap_or_default();
            self.full.handle_datagram(now, there, answer);
            self.answered += 1;
        }
    }
}

/// The path as the lite agent sees it, and as the full one does.
fn there() -> (Path, Path) {
    let lite = SocketAddr::from(([198, 51, 100, 1], 8_189));
    let full = SocketAddr::from(([192, 0, 2, 7], 40_000));
    (Path::udp(lite, full), Path::udp(full, lite))
}

fn lite() -> Outcome<Agent> {
    let mut agent = Agent::new(AgentConfig::lite(server()?), 1, Time::ZERO);
    agent.set_remote(client()?);
    Ok(agent)
}

fn full() -> Outcome<Agent> {
    let config = AgentConfig::full(Role::Controlling, client()?);
    let mut agent = Agent::new(config, 2, Time::ZERO);
    let (_, path) = there();
    agent.add_local_candidate(&Candidate::host(path.local, u16::MAX));
    agent.add_remote_candidate(&Candidate::host(path.remote, u16::MAX));
    agent.set_remote(server()?);
    Ok(agent)
}

fn server() -> Outcome<Credentials> {
    Ok(Credentials::new("srvr", PASSWORD)?)
}

fn client() -> Outcome<Credentials> {
    Ok(Credentials::new("clnt", "a-password-of-the-client")?)
}

/// Checks as a browser sends them, each a transaction of its own.
fn checks(password: &str) -> Outcome<Vec<Vec<u8>>> {
    let (key, mut rng) = (IntegrityKey::new(password), fastrand::Rng::with_seed(3));
    let check = |_| {
        let mut out = [0; 256];
        let len = Builder::new(&mut out, Class::Request, TransactionId::random(&mut rng))
            .username("srvr", "clnt")
            .ice_controlling(9)
            .use_candidate()
            .priority(1_845_501_695)
            .integrity(&key)
            .fingerprint()
            .finish();
        let check = len.and_then(|len| out.get(..len)).map(<[u8]>::to_vec);
        check.ok_or_else(|| "a check is too long".into())
    };
    (0..1_000).map(check).collect()
}

fn expect(found: u32, expected: u32, what: &str) -> Result<(), Box<dyn Error>> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{found} {what}, not {expected}").into())
}

const PASSWORD: &str = "a-password-of-the-server";
const CONSENT_TURNS: u32 = 20_000;
