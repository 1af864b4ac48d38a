//! The way from Lance to our store: a URL scheme and a session that knows no other.

use std::{path::Path, sync::Arc};

use ::lance::session::Session;
use async_trait::async_trait;
use lance_io::object_store::{ObjectStore, ObjectStoreParams, ObjectStoreProvider, ObjectStoreRegistry};
use url::Url;

use super::{Cipher, SealedStore};

/// LanceDB treats names that start with `db` as its cloud and cuts names at a `+`; this one is free of both. Lance
/// knows no commit handler for it, so every open and create must pass one.
pub(crate) const SCHEME: &str = "molt";

/// The URL of the store's root. It has a host and no slash at the end, because LanceDB trims those.
pub(crate) fn root_url() -> String {
    format!("{SCHEME}://index")
}

/// Bytes. Reads closer together than this are joined, and files up to this size are read whole.
const BLOCK: usize = 16 << 10;
/// Reads in flight at once.
const PARALLEL_READS: usize = 4;
/// A local read that failed will fail again.
const RETRIES: usize = 0;

/// Bytes of decoded index parts kept in memory.
const INDEX_CACHE: usize = 64 << 20;
/// Bytes of manifests and file footers kept in memory.
const METADATA_CACHE: usize = 32 << 20;

#[derive(Debug)]
struct Provider {
    store: Arc<SealedStore>,
}

#[async_trait]
impl ObjectStoreProvider for Provider {
    async fn new_store(&self, base: Url, _: &ObjectStoreParams) -> ::lance::Result<ObjectStore> {
        // Listings of a file system come in no order.
        let ordered = false;
        let store = self.store.clone();
        Ok(ObjectStore::new(store, base, Some(BLOCK), None, false, ordered, PARALLEL_READS, RETRIES, None))
    }
}

/// A session over the files below `root`, with bounded caches. Its registry holds our scheme alone, so a path that
/// would go around the store fails instead of writing in the clear.
pub(crate) fn session(root: &Path, cipher: Cipher) -> object_store::Result<Arc<Session>> {
    let store = Arc::new(SealedStore::new(root, cipher)?);
    let registry = ObjectStoreRegistry::empty();
    registry.insert(SCHEME, Arc::new(Provider { store }));
    Ok(Arc::new(Session::new(INDEX_CACHE, METADATA_CACHE, Arc::new(registry))))
}
