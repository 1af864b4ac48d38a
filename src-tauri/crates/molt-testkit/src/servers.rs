//! Servers that are not there.

use std::sync::Mutex;

use async_trait::async_trait;
use molt_core::{EngineError, OfferedModel, RemoteAddress, RemoteServers, Secret};

/// Takes every address that begins with `https://`, and offers one model to those who have a key.
#[derive(Debug, Default)]
pub struct ScriptedServers {
    asked: Mutex<Vec<(String, Option<Secret>)>>,
}

impl ScriptedServers {
    /// Addresses and keys, in order.
    pub fn asked(&self) -> Vec<(String, Option<Secret>)> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl RemoteServers for ScriptedServers {
    fn address(&self, text: &str) -> Result<RemoteAddress, String> {
        let host = text.strip_prefix("https://").ok_or("the address must begin with https://")?;
        let host = host.split('/').next().unwrap_or_default().to_owned();
        Ok(RemoteAddress { url: format!("https://{host}/v1"), host })
    }

    async fn offered(&self, url: &str, key: Option<&Secret>) -> Result<Vec<OfferedModel>, EngineError> {
        self.asked.lock().unwrap().push((url.to_owned(), key.cloned()));
        match key {
            Some(_) => Ok(vec![OfferedModel { name: "big-1".into(), context_length: Some(32_768) }]),
            None => Err(EngineError::Failed("the server wants a key".into())),
        }
    }
}
