//! One system call a datagram, as every platform can.

use std::io;

use super::buffer::{Message, ReceiveBuffer, SLOTS};
use super::cursor::Cursor;
use super::socket::{Link, Outgoing, SendBuffer, Sent};
use xrtc_sfu::Path;

/// Receives up to one batch into `buffer`; `false`: there was room for more than there was. The local address is the bound one: the portable calls do not tell where
/// a datagram was sent to.
pub(super) fn receive(link: &Link<'_>, buffer: &mut ReceiveBuffer) -> io::Result<bool> {
    for slot in 0..SLOTS {
        match link.io.recv_from(buffer.slot(slot)) {
            Ok((len, remote)) => {
                let path = Path::udp(link.local, remote);
                buffer.push(
                    slot,
                    Message {
                        path,
                        len,
                        segment: len,
                    },
                );
            }
            Err(error) if slot == 0 || error.kind() != io::ErrorKind::WouldBlock => {
                return Err(error);
            }
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

/// Sends from `cursor` on until everything of this socket's family is out or the socket takes no more.
pub(super) fn send(
    link: &Link<'_>,
    out: &Outgoing<'_>,
    cursor: &mut Cursor,
    _: &mut SendBuffer,
) -> Sent {
    while let Some(train) = out.batch.train(cursor.train) {
        let left = train.bytes.get(cursor.offset..).unwrap_or_default();
        if left.is_empty() || !link.carries(&train.path) {
            *cursor = cursor.next_train();
            continue;
        }
        let wanted = cursor.past_given_up(&train);
        if wanted != *cursor {
            *cursor = wanted;
            continue;
        }
        let datagram = left.get(..train.segment_size).unwrap_or(left);
        match link.io.send_to(datagram, train.path.remote) {
            Ok(_) => {
                link.counters.datagrams_sent.add(1);
                link.counters.bytes_sent.add(datagram.len() as u64);
                link.counters.send_batches.add(1);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Sent::Blocked,
            Err(error) if is_oversize(&error) => link.counters.datagrams_oversize.add(1),
            Err(_) => link.counters.send_errors.add(1),
        }
        *cursor = cursor.after(&train, datagram.len());
    }
    Sent::All
}

fn is_oversize(error: &io::Error) -> bool {
    #[cfg(unix)]
    let oversize = Some(libc::EMSGSIZE);
    #[cfg(not(unix))]
    let oversize = Some(WSAEMSGSIZE);
    error.raw_os_error() == oversize
}

/// `winsock2.h`.
#[cfg(not(unix))]
const WSAEMSGSIZE: i32 = 10_040;
