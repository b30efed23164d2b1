//! Randomness of the operating system, for seeds only.

use crate::StartError;

/// A seed that nobody can guess, from the generator that AWS-LC seeds from the operating system.
pub(crate) fn seed() -> Result<[u8; 32], StartError> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| StartError::NoEntropy)?;
    Ok(bytes)
}
