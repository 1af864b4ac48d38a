//! The keys of what can be made anew: the index, and what engines compute of conversations.
//!
//! They lie in the encrypted database. Without it the files that they seal are worth nothing, and both are made anew.

use molt_core::{Secret, SecretStore, StoreError};

/// The key with this name; made when it is first asked for.
///
/// # Errors
/// The store's, or the system gives no random numbers.
pub fn key(store: &dyn SecretStore, name: &str) -> Result<[u8; 32], StoreError> {
    if let Some(known) = store.secret(name)?.and_then(|secret| read(secret.expose())) {
        return Ok(known);
    }
    let made = molt_os::random_token().map_err(StoreError::Failed)?;
    store.put_secret(name, &Secret::new(made.as_str()))?;
    read(&made).ok_or_else(|| StoreError::Failed("a key was not made".into()))
}

fn read(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use molt_testkit::MemoryStore;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_each_is_another() {
        let store = MemoryStore::default();
        let first = key(&store, "a").unwrap();
        assert_eq!(key(&store, "a").unwrap(), first);
        assert_ne!(key(&store, "b").unwrap(), first);
        // One that cannot be read is replaced: what it sealed is made anew.
        store.put_secret("a", &Secret::new("nonsense")).unwrap();
        assert_ne!(key(&store, "a").unwrap(), first);
    }
}
