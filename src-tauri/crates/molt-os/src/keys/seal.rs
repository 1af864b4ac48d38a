//! Wrapping one key by another, and making a key of a passphrase.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::KeyError;
use crate::{
    StoreKey,
    key::{KEY_LENGTH, from_hex, hex, random_bytes},
};

const NONCE: usize = 24;
const SALT: usize = 16;

/// The second choice of RFC 9106: about a quarter of a second.
const COST: Cost = Cost { memory_kib: 64 * 1024, passes: 3, lanes: 4 };
/// A file that asks for more was not written by us, and would take the computer's memory away.
const CEILING: Cost = Cost { memory_kib: 1024 * 1024, passes: 20, lanes: 16 };

/// Wraps `secret`; `bound` must be the same when it is unwrapped. Hexadecimal.
pub fn wrap(key: &StoreKey, bound: &str, secret: &StoreKey) -> Result<String, KeyError> {
    let nonce = random_bytes::<NONCE>().map_err(KeyError::Random)?;
    let payload = Payload { msg: secret.as_bytes(), aad: bound.as_bytes() };
    // It fails only for texts of many gigabytes.
    let sealed = XChaCha20Poly1305::new(key.as_bytes().into())
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|error| KeyError::Random(error.to_string()))?;
    Ok(hex(&[nonce.as_slice(), &sealed].concat()))
}

/// None when the key is another, or anything was changed.
pub fn unwrap(key: &StoreKey, bound: &str, sealed: &str) -> Option<StoreKey> {
    let sealed = from_hex(sealed)?;
    let (nonce, sealed) = sealed.split_at_checked(NONCE)?;
    let nonce: [u8; NONCE] = nonce.try_into().ok()?;
    let payload = Payload { msg: sealed, aad: bound.as_bytes() };
    let opened = XChaCha20Poly1305::new(key.as_bytes().into()).decrypt(&XNonce::from(nonce), payload).ok()?;
    StoreKey::from_slice(&Zeroizing::new(opened))
}

/// What it costs to try a passphrase with Argon2id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// How a passphrase becomes a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretching {
    cost: Cost,
    salt: String,
}

impl Stretching {
    pub fn new() -> Result<Self, KeyError> {
        Ok(Self { cost: COST, salt: hex(&random_bytes::<SALT>().map_err(KeyError::Random)?) })
    }

    /// Whoever may write the file could otherwise have the next passphrase stretched so little that it is guessed.
    pub fn is_acceptable(&self) -> bool {
        let Cost { memory_kib, passes, lanes } = self.cost;
        (COST.memory_kib..=CEILING.memory_kib).contains(&memory_kib)
            && (COST.passes..=CEILING.passes).contains(&passes)
            && (1..=CEILING.lanes).contains(&lanes)
            && from_hex(&self.salt).is_some_and(|salt| salt.len() == SALT)
    }

    /// None for parameters that are not acceptable, or a system without enough memory.
    pub fn key(&self, passphrase: &str) -> Option<StoreKey> {
        if !self.is_acceptable() {
            return None;
        }
        let params = Params::new(self.cost.memory_kib, self.cost.passes, self.cost.lanes, Some(KEY_LENGTH)).ok()?;
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &from_hex(&self.salt)?, &mut *key)
            .ok()?;
        StoreKey::from_slice(&*key)
    }

    /// For what is bound to the wrapped key.
    pub fn describe(&self) -> String {
        let Cost { memory_kib, passes, lanes } = self.cost;
        format!("argon2id m={memory_kib} t={passes} p={lanes} salt={}", self.salt)
    }

    #[cfg(test)]
    pub fn weakened(&self, memory_kib: u32, passes: u32, lanes: u32) -> Self {
        Self { cost: Cost { memory_kib, passes, lanes }, salt: self.salt.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_key_and_place_open_it() {
        let (key, secret) = (StoreKey::new([1; 32]), StoreKey::new([2; 32]));
        let sealed = wrap(&key, "here", &secret).unwrap();
        assert_eq!(unwrap(&key, "here", &sealed), Some(secret.clone()));
        assert_eq!(unwrap(&key, "there", &sealed), None);
        assert_eq!(unwrap(&secret, "here", &sealed), None);
        assert_ne!(wrap(&key, "here", &secret).unwrap(), sealed);
        let bytes = from_hex(&sealed).unwrap();
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[place] ^= 1 << bit;
                assert_eq!(unwrap(&key, "here", &hex(&changed)), None, "byte {place}, bit {bit}");
            }
        }
        for length in 0..bytes.len() {
            assert_eq!(unwrap(&key, "here", &hex(&bytes[..length])), None, "{length} bytes");
        }
        assert_eq!(unwrap(&key, "here", "no hex"), None);
    }

    #[test]
    fn a_passphrase_has_the_same_key_for_ever() {
        let stretching = Stretching { cost: COST, salt: hex(b"somesaltsomesalt") };
        // What the library gave when this was written: if it ever gives another, no passphrase fits any more.
        assert_eq!(
            stretching.key("correct horse").unwrap().to_hex().as_str(),
            "ed86d84b6c36e1d49306015e2d9fcfa79a45c4b8d64d7c8e32baf52ddf017042"
        );
        assert_ne!(stretching.key("correct horse"), stretching.key("correct horsf"));
        assert_ne!(stretching.key("correct horse"), Stretching::new().unwrap().key("correct horse"));
    }

    #[test]
    fn cheap_and_ruinous_parameters_are_refused() {
        let stretching = Stretching::new().unwrap();
        assert!(stretching.is_acceptable());
        for (memory, passes, lanes) in [
            (65_535, 3, 4),
            (8, 3, 4),
            (65_536, 2, 4),
            (65_536, 0, 4),
            (65_536, 3, 0),
            (1 << 21, 3, 4),
            (65_536, 21, 4),
        ] {
            let weak = stretching.weakened(memory, passes, lanes);
            assert!(!weak.is_acceptable(), "{weak:?}");
            assert_eq!(weak.key("correct horse"), None);
        }
    }
}
