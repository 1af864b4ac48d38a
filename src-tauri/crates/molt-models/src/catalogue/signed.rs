//! A refreshed catalogue: only with the signature of the makers, and only forward in time.
//!
//! Whoever can put a file in place or answer for a server could else offer any model, or an old catalogue whose models are known
//! to be bad.

use ed25519_dalek::{Signature, VerifyingKey};
use jiff::civil::Date;

use super::{Catalogue, CatalogueError};

/// The public half of the key that catalogues are signed with (Ed25519).
pub const CATALOGUE_KEY: [u8; 32] = [
    0xab, 0xbb, 0xdf, 0xc5, 0xfa, 0x17, 0x3e, 0x47, 0xaf, 0x52, 0xd2, 0x70, 0xee, 0x14, 0xf2, 0xef, 0xb3, 0x00, 0x5b,
    0x8d, 0x96, 0x09, 0x95, 0x3a, 0xfb, 0x37, 0xa7, 0xea, 0x79, 0x32, 0x9c, 0x91,
];

impl Catalogue {
    /// Reads a catalogue that came from outside. `signature` is the 128 hexadecimal digits of a signature over the bytes of `text`
    /// by `key` ([`CATALOGUE_KEY`]); the catalogue must be newer than `current` and not expired on `today`.
    pub fn signed(
        text: &str,
        signature: &str,
        key: &[u8; 32],
        current: &Self,
        today: Date,
    ) -> Result<Self, CatalogueError> {
        let key = VerifyingKey::from_bytes(key).map_err(|_| CatalogueError::NotSigned)?;
        let signature = bytes(signature.trim()).ok_or(CatalogueError::NotSigned)?;
        // Strict: there is exactly one signature that counts, so that a signed file cannot be altered unnoticed.
        key.verify_strict(text.as_bytes(), &Signature::from_bytes(&signature))
            .map_err(|_| CatalogueError::NotSigned)?;
        let catalogue = Self::parse(text)?;
        if catalogue.version <= current.version {
            return Err(CatalogueError::NotNewer(current.version));
        }
        if catalogue.expires < today {
            return Err(CatalogueError::Expired(catalogue.expires));
        }
        Ok(catalogue)
    }
}

fn bytes(hex: &str) -> Option<[u8; 64]> {
    if hex.len() != 128 || !hex.is_ascii() {
        return None;
    }
    let mut bytes = [0; 64];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};
    use jiff::civil::date;

    use super::{super::tests::ONE, *};

    const TODAY: Date = date(2027, 1, 1);

    fn signer() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn sign(text: &str) -> String {
        signer().sign(text.as_bytes()).to_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn read(text: &str, signature: &str) -> Result<Catalogue, CatalogueError> {
        let current = Catalogue { version: 6, ..Catalogue::parse(ONE).unwrap() };
        Catalogue::signed(text, signature, signer().verifying_key().as_bytes(), &current, TODAY)
    }

    #[test]
    fn a_signed_catalogue_is_taken() {
        assert_eq!(read(ONE, &format!("{}\n", sign(ONE))).unwrap().version, 7);
    }

    #[test]
    fn one_changed_byte_anywhere_is_noticed() {
        let signature = sign(ONE);
        for place in (0..ONE.len()).step_by(7) {
            let mut changed = ONE.as_bytes().to_vec();
            changed[place] ^= 1;
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(read(&changed, &signature), Err(CatalogueError::NotSigned), "byte {place}");
        }
        for place in (0..signature.len()).step_by(5) {
            let mut changed = signature.clone().into_bytes();
            changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(read(ONE, &changed), Err(CatalogueError::NotSigned), "digit {place}");
        }
        for wrong in ["", "00", &"g".repeat(128), &"é".repeat(64), &signature[2..]] {
            assert_eq!(read(ONE, wrong), Err(CatalogueError::NotSigned));
        }
    }

    #[test]
    fn another_key_does_not_count() {
        let current = Catalogue { version: 1, ..Catalogue::parse(ONE).unwrap() };
        let read = Catalogue::signed(ONE, &sign(ONE), &CATALOGUE_KEY, &current, TODAY);
        assert_eq!(read, Err(CatalogueError::NotSigned));
        assert!(VerifyingKey::from_bytes(&CATALOGUE_KEY).is_ok_and(|key| !key.is_weak()));
    }

    #[test]
    fn neither_an_older_nor_an_expired_one_is_taken() {
        let older = ONE.replace("version = 7", "version = 6");
        assert_eq!(read(&older, &sign(&older)), Err(CatalogueError::NotNewer(6)));
        let expired = ONE.replace("2030", "2026");
        assert_eq!(read(&expired, &sign(&expired)), Err(CatalogueError::Expired(date(2026, 1, 1))));
        let last_day = ONE.replace("2030-01-01", "2027-01-01");
        assert!(read(&last_day, &sign(&last_day)).is_ok());
        let damaged = ONE.replace("licence", "license");
        assert!(matches!(read(&damaged, &sign(&damaged)), Err(CatalogueError::Damaged(_))), "signed, but not sound");
    }
}
