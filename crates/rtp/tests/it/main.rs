//! The public API of the crate, from outside.

#[cfg(test)]
mod av1;
#[cfg(test)]
mod bits;
#[cfg(test)]
mod expected;
#[cfg(test)]
mod h264;
#[cfg(test)]
mod h265;
#[cfg(test)]
mod header;
#[cfg(test)]
mod malformed;
#[cfg(test)]
mod packet;
#[cfg(test)]
mod rtcp;
#[cfg(test)]
mod transport_feedback;
#[cfg(test)]
mod vp8;
#[cfg(test)]
mod vp9;
