//! Models of other servers, and the secrets that open them.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{EngineError, ModelId, StoreResult};

/// A text that is never shown or logged: its `Debug` does not contain it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(export, type = "string")]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Keeps secrets by name. The encrypted database does so now; a key ring of the system can take its place.
pub trait SecretStore: Send + Sync {
    fn secret(&self, name: &str) -> StoreResult<Option<Secret>>;
    /// Inserts or replaces.
    fn put_secret(&self, name: &str, secret: &Secret) -> StoreResult<()>;
    /// In one transaction; an unknown name is fine.
    fn remove_secrets(&self, names: &[String]) -> StoreResult<()>;
    fn remove_secret(&self, name: &str) -> StoreResult<()> {
        self.remove_secrets(&[name.to_owned()])
    }
}

/// The name under which the key of a model on another server is kept.
pub fn key_name(model: &ModelId) -> String {
    format!("model-key:{model}")
}

/// An address of a server as it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteAddress {
    /// Without a slash at the end.
    pub url: String,
    /// Name and port, for people.
    pub host: String,
}

/// A model in a server's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct OfferedModel {
    pub name: String,
    /// Tokens, where the server says it.
    pub context_length: Option<u32>,
}

/// Servers with the interface of OpenAI.
#[async_trait]
pub trait RemoteServers: Send + Sync {
    /// Checks an address that a person typed, or says in one plain sentence why it cannot be used. Opens no connection.
    fn address(&self, text: &str) -> Result<RemoteAddress, String>;
    /// Asks a server which models it has. `url` is one that `address` gave.
    async fn offered(&self, url: &str, key: Option<&Secret>) -> Result<Vec<OfferedModel>, EngineError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_in_what_is_logged() {
        let text = format!("{:?}", Some(Secret::new("sk-123")));
        assert_eq!(text, "Some(Secret)");
    }
}
