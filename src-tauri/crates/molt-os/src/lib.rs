//! What the operating system gives: the data directory with its lock and key, and facts about this machine.
//!
//! Owns paths, file modes, locks, random secrets and probes. It must not know what is stored in the data directory, nor any feature.

mod allocator;
mod data_dir;
mod exit;
mod files;
mod hardware;
mod key;
mod keys;
mod machine;
mod memory;
mod owner;
mod power;

pub use allocator::give_memory_back_at_once;
pub use data_dir::{DATA_VARIABLE, DataDir, DataDirError};
pub use exit::exit_at_once;
pub use files::write_private;
pub use hardware::{Hardware, free_space, hardware};
pub use key::{KeyError, MAX_PASSPHRASE, MIN_PASSPHRASE, StoreKey, random_token};
pub use keys::{KEYRING_VARIABLE, KeySet, Keys, Opening, Protection, Rotation, Secret, Vault};
pub use machine::{is_display_available, machine_language};
pub use memory::{ProcessMemory, process_memory, process_tree, tree_memory};
pub use owner::{DataLock, LockError, Owner, current_owner};
pub use power::is_on_battery;
