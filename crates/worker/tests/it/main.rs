//! A server through its public face: real threads, real loopback sockets, browsers in structs.

#[cfg(test)]
mod attack;
#[cfg(test)]
mod end_to_end;
#[cfg(test)]
mod garbage;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod one_port;
#[cfg(test)]
mod outside;
#[cfg(test)]
mod own_sockets;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod tcp;
#[cfg(test)]
mod wire;
