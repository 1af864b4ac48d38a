//! The one stream of events that every face listens to.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, sync::broadcast};

use crate::Event;

/// Events that a slow reader may fall behind before it is told to refetch everything.
const CAPACITY: usize = 4096;
/// Changes of the same kind within this time are told once.
const SETTLE: Duration = Duration::from_millis(150);

/// Kinds of change that come in bursts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Burst {
    Conversations,
    Sources,
    Documents,
    Models,
    Status,
}

/// Sends events; cheap to clone.
#[derive(Debug, Clone)]
pub struct Bus {
    sender: broadcast::Sender<Event>,
    pending: Arc<Mutex<BTreeSet<Burst>>>,
    runtime: Handle,
}

impl Bus {
    /// `runtime` times the bursts.
    pub fn new(runtime: Handle) -> Self {
        Self { sender: broadcast::channel(CAPACITY).0, pending: Arc::default(), runtime }
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }

    /// Nobody listening is fine.
    pub fn send(&self, event: Event) {
        let _ = self.sender.send(event);
    }

    /// Tells soon that something of this kind changed.
    pub fn soon(&self, burst: Burst) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let first = pending.is_empty();
        pending.insert(burst);
        if !first {
            return;
        }
        let bus = self.clone();
        self.runtime.spawn(async move {
            tokio::time::sleep(SETTLE).await;
            let bursts = std::mem::take(&mut *bus.pending.lock().unwrap_or_else(PoisonError::into_inner));
            for burst in bursts {
                bus.send(match burst {
                    Burst::Conversations => Event::ConversationsChanged {},
                    Burst::Sources => Event::SourcesChanged {},
                    Burst::Documents => Event::DocumentsChanged {},
                    Burst::Models => Event::ModelsChanged {},
                    Burst::Status => Event::StatusChanged {},
                });
            }
        });
    }
}
