//! Sends every datagram back to where it came from: a server that does nothing.

use std::error::Error;
use std::io::{ErrorKind, Write};
use std::net::UdpSocket;
use std::time::Duration;

use serde_json::{Value, json};

use crate::system::{address, pin, udp};

/// Tells its address in one line, then reflects until nothing has come for five seconds.
pub(crate) fn run() -> Result<Value, Box<dyn Error>> {
    pin(0)?;
    let socket = udp()?;
    let _ = socket.set_recv_buffer_size(4 << 20);
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let address = address(&socket)?.to_string();
    let socket = UdpSocket::from(socket);
    writeln!(std::io::stdout(), "{}", json!({ "address": address }))?;
    let mut buffer = [0; 1_600];
    let mut datagrams: u64 = 0;
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((len, from)) => {
                datagrams += 1;
                socket.send_to(&buffer[..len], from)?;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(json!({ "datagrams": datagrams }))
}
