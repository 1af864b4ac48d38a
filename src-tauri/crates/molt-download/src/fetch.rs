//! One file from the hub to its final name: resumed, tried again, checked, put in place.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom},
    path::Path,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use molt_core::{DownloadError, DownloadState};
use tokio_util::sync::CancellationToken;

use crate::{
    config::DownloadConfig,
    disk::{Disk, sync_folder},
    hub::Hub,
    job::Job,
    names::shown,
    reply::{Reply, Trouble, bare},
    saved::{SavedFile, Told},
    verify::{self, Check},
};

/// Bytes that are gathered before they are written.
const PIECE: usize = 1 << 20;
/// Bytes after which what was written is made durable: at most so much is fetched again after a sudden end.
const SYNC_EVERY: u64 = 64 << 20;
/// While nothing comes, the speed is told anew this often.
const TICK: Duration = Duration::from_secs(1);
/// Whole files with a wrong digest before it is given up: once may be damage on the way.
const MOST_WRONG: u32 = 3;
/// The newest state of a repository.
const NEWEST: &str = "main";

/// What a file is fetched with.
pub struct Fetch<'a> {
    pub hub: &'a Hub,
    pub config: &'a DownloadConfig,
    pub job: &'a Job,
    pub cancel: &'a CancellationToken,
    /// The hub that is asked; kept from one file to the next, so that one that cannot be reached is tried once.
    pub endpoint: &'a mut usize,
}

impl Fetch<'_> {
    /// Fetches a file. It ends with the file in place, or with why not; never with `Retry`.
    pub async fn file(&mut self, index: usize) -> Result<(), Trouble> {
        let mut hubs: Vec<usize> = (0..self.hub.count()).collect();
        hubs.rotate_left(*self.endpoint % self.hub.count());
        let (mut tries, mut wrong, mut furthest) = (0, 0, self.job.file(index).synced);
        let mut refusal = None;
        while let Some(&endpoint) = hubs.first() {
            *self.endpoint = endpoint;
            let (reason, after) = match self.attempt(index, endpoint).await {
                Err(Trouble::Retry { reason, after }) => (reason, after),
                Err(Trouble::Useless(reason)) => {
                    self.discard(index)?;
                    (reason, None)
                }
                Err(Trouble::Wrong(reason)) => {
                    wrong += 1;
                    self.discard(index)?;
                    if wrong >= MOST_WRONG {
                        return Err(Trouble::Fatal(DownloadError::Failed(format!("{reason}; nothing of it was kept"))));
                    }
                    (reason, None)
                }
                Err(Trouble::Refused(error)) => {
                    refusal.get_or_insert(error);
                    hubs.remove(0);
                    continue;
                }
                ended => return ended,
            };
            let reached = self.job.file(index).synced;
            if reached > furthest {
                (furthest, tries) = (reached, 0);
            } else {
                tries += 1;
                // Perhaps a mirror can do it.
                hubs.rotate_left(1);
            }
            if tries >= self.config.tries {
                return Err(Trouble::Fatal(DownloadError::Unreachable(reason)));
            }
            tracing::debug!(%reason, tries, "a download is tried again");
            self.job.set(DownloadState::Retrying, Some(sentence(&reason)));
            let wait = after.unwrap_or_else(|| self.wait(tries));
            tokio::select! {
                () = self.cancel.cancelled() => return Err(Trouble::Stopped),
                () = tokio::time::sleep(wait) => {}
            }
        }
        Err(Trouble::Fatal(refusal.unwrap_or_else(|| DownloadError::Unreachable("there is no hub to ask".into()))))
    }

    fn wait(&self, tries: u32) -> Duration {
        let factor = 1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
        self.config.first_wait.saturating_mul(factor).min(self.config.longest_wait)
    }

    async fn attempt(&self, index: usize, endpoint: usize) -> Result<(), Trouble> {
        let before = self.job.file(index);
        if before.done {
            return Ok(());
        }
        let (repository, revision) = {
            let saved = self.job.saved();
            (saved.repository.clone(), saved.revision.clone().unwrap_or_else(|| NEWEST.to_owned()))
        };
        let name = &before.wanted.path;
        let told = self.until_stopped(self.hub.ask(endpoint, &repository, &revision, name)).await?;
        self.reconcile(index, told)?;
        if self.is_there(index).await? {
            return self.finish(index, true);
        }

        let file = self.job.file(index);
        let mut offset = self.usable(index, &file, endpoint);
        if file.size().is_some_and(|size| offset > size) {
            offset = 0;
        }
        if file.size() != Some(offset) || offset == 0 {
            self.check_space(&file, offset)?;
            self.job.set(DownloadState::Running, None);
            let etag = file.etag.as_deref().filter(|_| file.endpoint.as_deref() == Some(self.hub.name(endpoint)));
            let opened = self.hub.open(endpoint, &repository, &revision, name, offset, etag);
            let reply = self.until_stopped(opened).await?;
            self.receive(index, endpoint, &file, offset, reply).await?;
        }
        self.check(index).await?;
        self.put_in_place(index)
    }

    async fn until_stopped<T>(&self, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
        tokio::select! {
            () = self.cancel.cancelled() => Err(Trouble::Stopped),
            result = work => result,
        }
    }

    /// Compares what the hub says with what was asked for, and with what it said when the download began.
    fn reconcile(&self, index: usize, told: Told) -> Result<(), Trouble> {
        let file = self.job.file(index);
        let name = shown(&file.wanted.path);
        let differs =
            |ours: Option<u64>, theirs: Option<u64>| ours.zip(theirs).is_some_and(|(ours, theirs)| ours != theirs);
        let other = |ours: &Option<String>, theirs: &Option<String>| {
            ours.as_ref().zip(theirs.as_ref()).is_some_and(|(ours, theirs)| ours != theirs)
        };
        if other(&file.wanted.sha256, &told.sha256) || differs(file.wanted.size, told.size) {
            return Err(Trouble::Refused(DownloadError::Failed(format!(
                "the hub has another {name} than the one that was asked for; it may have been changed there"
            ))));
        }
        let old = &file.told;
        let has_changed =
            other(&old.sha256, &told.sha256) || other(&old.git, &told.git) || differs(old.size, told.size);
        if has_changed {
            self.discard(index)?;
        }
        // A mirror may say less; what is known stays known.
        let news = Told {
            size: told.size.or(old.size.filter(|_| !has_changed)),
            sha256: told.sha256.or(old.sha256.clone().filter(|_| !has_changed)),
            git: told.git.or(old.git.clone().filter(|_| !has_changed)),
            commit: told.commit.or(old.commit.clone()),
        };
        if &news == old {
            return Ok(());
        }
        self.job
            .save(|saved| {
                // All files of a model come from one state of it.
                if saved.revision.is_none() {
                    saved.revision.clone_from(&news.commit);
                }
                saved.files[index].told = news;
            })
            .map_err(Trouble::Fatal)
    }

    /// Bytes of the part file that may be gone on from.
    fn usable(&self, index: usize, file: &SavedFile, endpoint: usize) -> u64 {
        let same_hub = file.endpoint.as_deref() == Some(self.hub.name(endpoint));
        // Without a digest, only the tag of the same hub can tell whether it still is the same file.
        let can_tell = file.has_digest() || (same_hub && file.etag.is_some());
        if !can_tell {
            return 0;
        }
        let length = fs::metadata(self.job.part(index)).map_or(0, |data| data.len());
        file.synced.min(length)
    }

    fn check_space(&self, file: &SavedFile, offset: u64) -> Result<(), Trouble> {
        let Some(size) = file.size() else { return Ok(()) };
        let needed = size.saturating_sub(offset).saturating_add(self.config.reserve);
        match self.config.disk.free_space(&self.config.folder) {
            Some(free) if free < needed => Err(Trouble::Fatal(DownloadError::DiskFull(format!(
                "the file {} takes {}, {} are to be left for other programs, and the disk has {} free",
                shown(&file.wanted.path),
                amount(size.saturating_sub(offset)),
                amount(self.config.reserve),
                amount(free)
            )))),
            _ => Ok(()),
        }
    }

    async fn receive(
        &self,
        index: usize,
        endpoint: usize,
        file: &SavedFile,
        offset: u64,
        mut reply: Reply,
    ) -> Result<(), Trouble> {
        if file.size().zip(reply.total).is_some_and(|(ours, theirs)| ours != theirs) {
            return Err(Trouble::retry("the hub gives the file two different lengths"));
        }
        let same_hub = file.endpoint.as_deref() == Some(self.hub.name(endpoint));
        let tags = file.etag.as_deref().zip(reply.etag.as_deref());
        // With a digest the end decides: the stores behind mirrors tag the same bytes differently.
        if reply.start > 0
            && same_hub
            && !file.has_digest()
            && tags.is_some_and(|(ours, theirs)| bare(ours) != bare(theirs))
        {
            return Err(Trouble::Useless("the file was changed on the hub while it was fetched".into()));
        }
        if reply.start != offset || offset == 0 {
            let (etag, endpoint) = (reply.etag.clone(), self.hub.name(endpoint).to_owned());
            let total = reply.total;
            self.job
                .save_file(index, |file| {
                    (file.synced, file.etag, file.endpoint) = (0, etag, Some(endpoint));
                    file.told.size = file.told.size.or(total);
                })
                .map_err(Trouble::Fatal)?;
        }
        let mut writer = Writer::open(&self.job.part(index), reply.start, self.config.disk.clone())
            .map_err(|error| self.disk_trouble(&error))?;
        self.job.received(index, writer.length, 0);
        let size = self.job.file(index).size();
        let ended = self.pump(index, size, &mut reply, &mut writer).await;
        if matches!(ended, Err(Trouble::Fatal(_))) {
            return ended;
        }
        // Also what a broken connection brought is kept.
        self.sync(index, &mut writer).await?;
        ended?;
        match size {
            Some(size) if writer.length < size => {
                Err(Trouble::retry("the connection ended before the end of the file"))
            }
            Some(_) => Ok(()),
            // An orderly end is all there is to go by.
            None => self.job.save_file(index, |file| file.told.size = Some(file.synced)).map_err(Trouble::Fatal),
        }
    }

    async fn pump(
        &self,
        index: usize,
        size: Option<u64>,
        reply: &mut Reply,
        writer: &mut Writer,
    ) -> Result<(), Trouble> {
        while let Some(piece) = self.piece(index, reply, writer.length).await? {
            if size.is_some_and(|size| writer.length + piece.len() as u64 > size) {
                return Err(Trouble::retry("the hub sends more than the file is long"));
            }
            writer.push(&piece).await.map_err(|error| self.disk_trouble(&error))?;
            self.job.received(index, writer.length, piece.len() as u64);
            if writer.unsynced >= SYNC_EVERY {
                self.sync(index, writer).await?;
            }
        }
        Ok(())
    }

    /// The next piece. A server that sends nothing for too long has stalled.
    async fn piece(&self, index: usize, reply: &mut Reply, length: u64) -> Result<Option<Bytes>, Trouble> {
        let mut next = pin!(reply.piece());
        let mut waited = Duration::ZERO;
        while waited < self.config.stall {
            let tick = TICK.min(self.config.stall - waited);
            tokio::select! {
                () = self.cancel.cancelled() => return Err(Trouble::Stopped),
                piece = &mut next => return piece,
                () = tokio::time::sleep(tick) => {}
            }
            waited += tick;
            self.job.received(index, length, 0);
        }
        Err(Trouble::retry("the hub has stopped sending"))
    }

    async fn sync(&self, index: usize, writer: &mut Writer) -> Result<(), Trouble> {
        writer.sync().await.map_err(|error| self.disk_trouble(&error))?;
        self.job.save_file(index, |file| file.synced = writer.length).map_err(Trouble::Fatal)
    }

    /// All bytes are here: are they those of the file?
    async fn check(&self, index: usize) -> Result<(), Trouble> {
        let file = self.job.file(index);
        self.job.set(DownloadState::Verifying, None);
        if self.has_digest(&file, self.job.part(index)).await? {
            return Ok(());
        }
        Err(Trouble::Wrong(format!("the file {} was damaged or changed on its way", shown(&file.wanted.path))))
    }

    /// The file is in its place already: the program ended just before it could note that.
    async fn is_there(&self, index: usize) -> Result<bool, Trouble> {
        let (file, path) = (self.job.file(index), self.job.final_path(index));
        let length = fs::metadata(&path).ok().filter(fs::Metadata::is_file).map(|data| data.len());
        if !file.has_digest() || length.is_none() || length != file.size() {
            return Ok(false);
        }
        self.job.set(DownloadState::Verifying, None);
        self.has_digest(&file, path).await
    }

    /// True as well when no digest is known.
    async fn has_digest(&self, file: &SavedFile, path: std::path::PathBuf) -> Result<bool, Trouble> {
        let sha256 = file.sha256().map(|digest| Check::Sha256(digest.to_owned()));
        let Some(check) = sha256.or_else(|| file.told.git.clone().map(Check::Git)) else { return Ok(true) };
        let cancel = self.cancel.clone();
        let checked = tokio::task::spawn_blocking(move || verify::matches(&path, &check, &cancel)).await;
        match checked {
            Ok(Ok(matches)) => Ok(matches),
            _ if self.cancel.is_cancelled() => Err(Trouble::Stopped),
            Ok(Err(error)) => Err(self.disk_trouble(&error)),
            Err(error) => Err(Trouble::Fatal(DownloadError::Failed(error.to_string()))),
        }
    }

    fn put_in_place(&self, index: usize) -> Result<(), Trouble> {
        let (part, path) = (self.job.part(index), self.job.final_path(index));
        let folder = path.parent().unwrap_or(&self.config.folder);
        let moved = create_folders(folder).and_then(|()| fs::rename(&part, &path)).and_then(|()| sync_folder(folder));
        moved.map_err(|error| self.disk_trouble(&error))?;
        self.finish(index, false)
    }

    fn finish(&self, index: usize, found: bool) -> Result<(), Trouble> {
        let _ = fs::remove_file(self.job.part(index));
        self.job.save_file(index, |file| (file.done, file.found) = (true, found)).map_err(Trouble::Fatal)?;
        let length = fs::metadata(self.job.final_path(index)).map_or(0, |data| data.len());
        self.job.received(index, length, 0);
        Ok(())
    }

    /// Forgets what was received of a file.
    fn discard(&self, index: usize) -> Result<(), Trouble> {
        let _ = fs::remove_file(self.job.part(index));
        self.job.received(index, 0, 0);
        let forget = |file: &mut SavedFile| {
            (file.synced, file.etag, file.endpoint) = (0, None, None);
            file.told = Told { commit: file.told.commit.take(), ..Told::default() };
        };
        self.job.save_file(index, forget).map_err(Trouble::Fatal)
    }

    fn disk_trouble(&self, error: &io::Error) -> Trouble {
        Trouble::Fatal(disk_error(error, &self.config.folder))
    }
}

/// What a failure of the disk means.
pub fn disk_error(error: &io::Error, folder: &Path) -> DownloadError {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => {
            DownloadError::DiskFull("the disk is full; free some space and go on with the download".into())
        }
        _ => DownloadError::Failed(format!("the folder {} cannot be written: {error}", folder.display())),
    }
}

/// With a capital letter and a full stop.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let mut sentence: String = first.chain(letters).collect();
    if !sentence.ends_with(['.', '!', '?', '。']) {
        sentence.push('.');
    }
    sentence
}

fn amount(bytes: u64) -> String {
    const GB: u64 = 1_000_000_000;
    if bytes >= GB {
        format!("{:.1} GB", bytes as f64 / GB as f64)
    } else {
        format!("{} MB", bytes.div_ceil(1_000_000))
    }
}

/// Makes a folder and its parents, durably.
fn create_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        create_folders(parent)?;
        fs::create_dir(folder).or_else(|error| if folder.is_dir() { Ok(()) } else { Err(error) })?;
        return sync_folder(parent);
    }
    Ok(())
}

/// Writes a part file in large pieces, off the threads that serve connections.
struct Writer {
    file: Option<File>,
    buffer: Vec<u8>,
    /// Bytes of the file, those in the buffer included.
    length: u64,
    unsynced: u64,
    disk: Arc<dyn Disk>,
}

impl Writer {
    /// Whatever lies behind `start` is cut off.
    fn open(path: &Path, start: u64, disk: Arc<dyn Disk>) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        file.set_len(start)?;
        file.seek(SeekFrom::Start(start))?;
        Ok(Self { file: Some(file), buffer: Vec::with_capacity(PIECE), length: start, unsynced: 0, disk })
    }

    async fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
        self.unsynced += bytes.len() as u64;
        if self.buffer.len() >= PIECE { self.write(false).await } else { Ok(()) }
    }

    /// Everything is on the disk when it returns.
    async fn sync(&mut self) -> io::Result<()> {
        self.write(true).await?;
        self.unsynced = 0;
        Ok(())
    }

    async fn write(&mut self, sync: bool) -> io::Result<()> {
        // Gone only after a failure, and then the download fails as well.
        let Some(mut file) = self.file.take() else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let (mut buffer, disk) = (std::mem::take(&mut self.buffer), self.disk.clone());
        let written = tokio::task::spawn_blocking(move || {
            disk.write(&mut file, &buffer)?;
            if sync {
                file.sync_data()?;
            }
            buffer.clear();
            Ok::<_, io::Error>((file, buffer))
        });
        let (file, buffer) = written.await.map_err(io::Error::other)??;
        (self.file, self.buffer) = (Some(file), buffer);
        Ok(())
    }
}
