//! Randomness of the operating system, for seeds only.

use crate::StartError;

/// A seed that nobody can guess, from the generator that AWS-LC seeds from the operating system.
#[expect(
    clippy::disallowed_methods,
    reason = "the worker is where the OS is asked for randomness"
)]
pub(crate) fn seed() -> Result<[u8; 32], StartError> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| StartError::NoEntropy)?;
    Ok(bytes)
}
