//! Models from the hub to the disk, and models that other programs left there.
//!
//! Owns the talk with a hub in the layout of Hugging Face, the files below the folder of models, and what is kept of a download
//! while it is not complete. It must not know which model is worth having, nor what a model file contains. No connection is opened
//! before a call of the ports asks for one.

mod config;
mod disk;
mod downloads;
mod fetch;
mod folders;
mod hub;
mod job;
mod names;
mod reply;
mod saved;
mod speed;
mod verify;

pub use config::{DownloadConfig, HUB_TOKEN_VARIABLE, HUB_VARIABLE};
pub use disk::{Disk, RealDisk};
pub use downloads::Downloads;
pub use folders::{Folders, Places};
pub use hub::{BadConfig, Hub};
