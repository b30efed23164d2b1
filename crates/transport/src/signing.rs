//! Our private key, parsed once for all handshakes of a thread: to check that it is on its curve takes the crypto
//! library as long as to sign with it, and each copy stays in memory as long as its association.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use dimpl::crypto::{
    Buf, CryptoProvider, HashAlgorithm, KeyProvider, SignatureAlgorithm, SigningKey,
};
use dimpl::{CryptoError, CryptoOperation};

/// The crypto library's provider, whose private keys are shared.
pub(crate) fn provider() -> CryptoProvider {
    CryptoProvider {
        key_provider: &ParsedOnce,
        ..dimpl::crypto::aws_lc_rs::default_provider()
    }
}

thread_local! {
    /// The keys of this thread with what they were parsed from, newest last. A worker has one; both ends of a
    /// simulation share a thread.
    static KEYS: RefCell<Vec<(Vec<u8>, SharedKey)>> = const { RefCell::new(Vec::new()) };
}

const MAX_KEYS: usize = 4;

/// Parses a key that the thread does not have yet.
#[derive(Debug)]
struct ParsedOnce;

impl KeyProvider for ParsedOnce {
    fn load_private_key(&self, key_der: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        KEYS.with_borrow_mut(|keys| {
            if let Some((_, key)) = keys.iter().find(|(der, _)| der == key_der) {
                return Ok(Box::new(key.clone()) as Box<dyn SigningKey>);
            }
            let provider = dimpl::crypto::aws_lc_rs::default_provider();
            let key = SharedKey::new(provider.key_provider.load_private_key(key_der)?);
            if keys.len() >= MAX_KEYS {
                keys.remove(0);
            }
            keys.push((key_der.to_vec(), key.clone()));
            Ok(Box::new(key) as Box<dyn SigningKey>)
        })
    }
}

/// A key that several associations sign with.
#[derive(Clone, Debug)]
struct SharedKey {
    algorithm: SignatureAlgorithm,
    hash_algorithm: HashAlgorithm,
    supported: Arc<[HashAlgorithm]>,
    /// To sign takes it as mutable. Only one thread has it, so nobody ever waits.
    key: Arc<Mutex<Box<dyn SigningKey>>>,
}

impl SharedKey {
    fn new(key: Box<dyn SigningKey>) -> Self {
        Self {
            algorithm: key.algorithm(),
            hash_algorithm: key.hash_algorithm(),
            supported: key.supported_hash_algorithms().into(),
            key: Arc::new(Mutex::new(key)),
        }
    }
}

impl SigningKey for SharedKey {
    fn sign(
        &mut self,
        data: &[u8],
        hash_alg: HashAlgorithm,
        out: &mut Buf,
    ) -> Result<(), CryptoError> {
        let failed = |_| CryptoError::OperationFailed(CryptoOperation::Sign);
        self.key.lock().map_err(failed)?.sign(data, hash_alg, out)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        self.hash_algorithm
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        &self.supported
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Certificate;

    #[test]
    fn a_key_is_shared_until_as_many_others_have_come_as_are_kept() {
        let certificates = [(); MAX_KEYS + 1].map(|()| Certificate::generate().unwrap());
        let [first, others @ ..] = &certificates;
        let load = |one: &Certificate| ParsedOnce.load_private_key(one.private_key_der());
        let is_kept = |one: &Certificate| {
            KEYS.with_borrow(|keys| keys.iter().any(|(der, _)| der == one.private_key_der()))
        };
        let copies = [(); 2].map(|()| load(first).unwrap());
        let shared = KEYS.with_borrow(|keys| Arc::strong_count(&keys.last().unwrap().1.key));
        assert_eq!(shared, 1 + copies.len());
        assert!(ParsedOnce.load_private_key(b"no key").is_err());
        for other in others {
            assert!(is_kept(first));
            load(other).unwrap();
        }
        assert!(!is_kept(first));
        assert!(is_kept(&certificates[MAX_KEYS]));
    }
}
