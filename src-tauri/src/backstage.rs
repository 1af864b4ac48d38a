//! The backend behind the windows: started beside them, asked by them, ended with the program.
//!
//! Owns the backend's life and what the shell itself must know of the settings. It decides nothing about a use case.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Mutex, PoisonError},
};

use molt_api::{ApiError, Door, ErrorCode};
use molt_backend::{Backend, BackendConfig};
use molt_core::Settings;
use molt_gateway::{Gateway, GatewayConfig};
use molt_os::DataDir;
use serde::de::DeserializeOwned;
use serde_json::{Value, json, value::RawValue};
use tokio::sync::watch;

use crate::words::Words;

/// Managed by Tauri as state. The windows open while the backend still starts; what they ask meanwhile waits.
pub struct Backstage {
    door: watch::Sender<Option<Door>>,
    running: tokio::sync::Mutex<Option<(Backend, Option<Gateway>)>>,
    known: Mutex<Known>,
}

/// What the shell knows without asking.
struct Known {
    settings: Settings,
    /// Reminders that were shown and not answered.
    waiting: u32,
}

impl Backstage {
    pub fn new() -> Self {
        Self {
            door: watch::Sender::new(None),
            running: tokio::sync::Mutex::new(None),
            known: Mutex::new(Known { settings: Settings::default(), waiting: 0 }),
        }
    }

    /// Starts the backend. The error is one plain sentence.
    pub async fn start(&self) -> Result<(), String> {
        let data = DataDir::locate().map_err(|error| error.to_string())?;
        let config = BackendConfig {
            data_dir: data.root().to_owned(),
            workers_dir: None,
            desktop: true,
            resumes_downloads: true,
        };
        let backend = Backend::start(config).await.map_err(|error| error.to_string())?;
        let door = backend.door();
        // The window needs no gateway; without one only the command line cannot reach this program.
        let gateway = match open_gateway(&backend).await {
            Ok(gateway) => Some(gateway),
            Err(error) => {
                tracing::warn!(%error, "the command line cannot talk to this program");
                None
            }
        };
        *self.running.lock().await = Some((backend, gateway));
        self.door.send_replace(Some(door));
        Ok(())
    }

    /// What answers calls, as soon as the backend has started. The data behind it may be locked.
    pub async fn door(&self) -> Door {
        let mut door = self.door.subscribe();
        // The sender lives as long as `self`, so this cannot fail; if it did, the caller would wait for a program that ends.
        let found = door.wait_for(Option::is_some).await.ok().and_then(|door| door.clone());
        match found {
            Some(door) => door,
            None => std::future::pending().await,
        }
    }

    pub async fn call(&self, name: &str, args: Value) -> Result<Box<RawValue>, ApiError> {
        self.door().await.call(name, args).await
    }

    /// Calls a use case that asks for nothing, and reads its answer.
    pub async fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T, ApiError> {
        let answer = self.call(name, json!({})).await?;
        serde_json::from_str(answer.get()).map_err(|error| {
            ApiError::new(ErrorCode::Internal, format!("the answer to {name} was not understood: {error}"))
        })
    }

    /// Ends the backend and waits until everything is on the disk.
    pub async fn shutdown(&self) {
        if let Some((backend, gateway)) = self.running.lock().await.take() {
            if let Some(gateway) = gateway {
                gateway.shutdown().await;
            }
            backend.shutdown().await;
        }
    }

    pub fn apply(&self, settings: &Settings) {
        self.known().settings = settings.clone();
    }

    pub fn words(&self) -> &'static Words {
        Words::of(self.known().settings.language)
    }

    pub fn closes_to_tray(&self) -> bool {
        self.known().settings.close_to_tray
    }

    pub fn settings(&self) -> Settings {
        self.known().settings.clone()
    }

    pub fn waiting(&self) -> u32 {
        self.known().waiting
    }

    pub fn set_waiting(&self, waiting: u32) {
        self.known().waiting = waiting;
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the command line reach this program, at a port that the data directory tells.
async fn open_gateway(backend: &Backend) -> Result<Gateway, String> {
    let token = molt_os::random_token()?;
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = GatewayConfig { addr, token: token.clone(), ui: true };
    let gateway = molt_gateway::serve(backend.door(), config).await.map_err(|error| error.to_string())?;
    backend.publish(gateway.local_addr().port(), &token).map_err(|error| error.to_string())?;
    Ok(gateway)
}
