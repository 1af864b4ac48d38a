//! The object store under the index: files below one folder, sealed and flushed to the disk.
//!
//! It owns durability (what a call acknowledged survives power loss) and the way through the cipher. Lance reaches it
//! by a scheme of its own ([`lance::SCHEME`]), because for `file` URLs Lance goes around every object store and never
//! flushes. It must not know what is stored.
//!
//! Durability rests on `LocalFileSystem::with_fsync`, read in object_store 0.14.2 `src/local.rs`: every put writes a
//! staged file `name#N`, flushes it, renames it (or, for a conditional put, hard-links it) into place and flushes the
//! folder; folders that it had to create are flushed up to the first that existed. Deletes are not flushed: a deleted
//! file that comes back is unreferenced and harmless.

#[cfg(test)]
mod kill_test;
pub(crate) mod lance;
mod reseal;
pub(crate) mod seal;
mod sweep;
#[cfg(test)]
mod tests;
#[cfg(test)]
#[path = "../../tests/lance/torture.rs"]
mod torture;

use std::{fmt, fs::File, io, ops::Range, path::Path as FilePath};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart, local::LocalFileSystem,
    path::Path,
};

pub(crate) use reseal::seal_all;
pub(crate) use sweep::{sweep, sync_folder};

pub(crate) use seal::Cipher;
use seal::{Sealed, Sealer};

/// The most bytes that are read at once. Lance asks for at most 16 MiB per request, so its reads are one piece.
const READ_AT_ONCE: u64 = 16 << 20;

/// Sealed, durable files below one folder.
#[derive(Debug)]
pub(crate) struct SealedStore {
    files: LocalFileSystem,
    cipher: Cipher,
}

impl SealedStore {
    /// `root` must exist.
    pub(crate) fn new(root: &FilePath, cipher: Cipher) -> Result<Self> {
        // Empty folders are removed, because Lance takes an empty `x.lance` for a table.
        let files = LocalFileSystem::new_with_prefix(root)?.with_fsync(true).with_automatic_cleanup(true);
        Ok(Self { files, cipher })
    }

    fn plain(&self, meta: ObjectMeta) -> ObjectMeta {
        plain(&self.cipher, meta)
    }
}

impl fmt::Display for SealedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedStore({})", self.files)
    }
}

fn plain(cipher: &Cipher, meta: ObjectMeta) -> ObjectMeta {
    ObjectMeta { size: cipher.plain_len(meta.size), ..meta }
}

fn failed(location: &Path, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    tracing::debug!(%location, error = %source, "an index file could not be read");
    Error::Generic { store: "SealedStore", source: Box::new(source) }
}

async fn blocking<T: Send + 'static>(
    location: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await?.map_err(|error| failed(location, error))
}

/// The file behind a get. `LocalFileSystem` answers every get with the open file.
fn file_of(result: GetResult) -> Result<File> {
    match result.payload {
        GetResultPayload::File(file, _) => Ok(file),
        GetResultPayload::Stream(_) => {
            Err(failed(&result.meta.location, io::Error::other("the file system gave no file")))
        }
    }
}

/// The rest of a long read, piece by piece.
fn pieces(location: Path, file: Sealed, range: Range<u64>) -> BoxStream<'static, Result<Bytes>> {
    stream::try_unfold((location, file, range), |(location, mut file, range)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        let end = range.end.min(range.start + READ_AT_ONCE);
        let read = move || Ok((file.read(range.start..end)?, file, end..range.end));
        let (bytes, file, rest) = blocking(&location, read).await?;
        Ok(Some((bytes, (location, file, rest))))
    })
    .boxed()
}

#[async_trait]
impl ObjectStore for SealedStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let mut sealer = self.cipher.seal().map_err(|error| failed(location, error))?;
        let sealed = sealer.push(payload).into_iter().chain(sealer.finish()).collect();
        self.files.put_opts(location, sealed, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let sealer = self.cipher.seal().map_err(|error| failed(location, error))?;
        let parts = self.files.put_multipart_opts(location, options).await?;
        Ok(Box::new(SealedUpload { parts, sealer: Some(sealer) }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let (range, head) = (options.range.clone(), options.head);
        let mut result = self.files.get_opts(location, GetOptions { range: None, ..options }).await?;
        let meta = self.plain(result.meta.clone());
        let range = match range {
            Some(range) => range.as_range(meta.size).map_err(|error| failed(location, error))?,
            None => 0..meta.size,
        };
        let attributes = std::mem::take(&mut result.attributes);
        let extensions = std::mem::take(&mut result.extensions);
        let stream = if head {
            stream::empty().boxed()
        } else {
            let (file, cipher) = (file_of(result)?, self.cipher.clone());
            let first = range.start..range.end.min(range.start + READ_AT_ONCE);
            let rest = first.end..range.end;
            let read = move || {
                let mut file = cipher.open(file)?;
                Ok((file.read(first)?, file))
            };
            let (bytes, file) = blocking(location, read).await?;
            stream::iter([Ok(bytes)]).chain(pieces(location.clone(), file, rest)).boxed()
        };
        Ok(GetResult { payload: GetResultPayload::Stream(stream), meta, range, attributes, extensions })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let file = file_of(self.files.get_opts(location, GetOptions::default()).await?)?;
        let (cipher, ranges) = (self.cipher.clone(), ranges.to_vec());
        blocking(location, move || {
            let mut file = cipher.open(file)?;
            ranges.into_iter().map(|range| file.read(range)).collect()
        })
        .await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let cipher = self.cipher.clone();
        self.files.list(prefix).map(move |meta| Ok(plain(&cipher, meta?))).boxed()
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        let cipher = self.cipher.clone();
        self.files.list_with_offset(prefix, offset).map(move |meta| Ok(plain(&cipher, meta?))).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut listed = self.files.list_with_delimiter(prefix).await?;
        listed.objects = listed.objects.into_iter().map(|meta| self.plain(meta)).collect();
        Ok(listed)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.files.rename_opts(from, to, options).await
    }
}

/// An object written in parts. Parts are sealed in the order of the calls, whatever order their writes finish in.
#[derive(Debug)]
struct SealedUpload {
    parts: Box<dyn MultipartUpload>,
    /// Taken by `complete`.
    sealer: Option<Sealer>,
}

#[async_trait]
impl MultipartUpload for SealedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        match &mut self.sealer {
            Some(sealer) => self.parts.put_part(sealer.push(data)),
            None => futures::future::ready(Err(finished())).boxed(),
        }
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let tail = self.sealer.take().ok_or_else(finished)?.finish();
        if tail.content_length() > 0 {
            self.parts.put_part(tail).await?;
        }
        self.parts.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts.abort().await
    }
}

fn finished() -> Error {
    Error::Generic { store: "SealedStore", source: "the upload was already completed".into() }
}
