//! Watches the user's folders and lists what is in them.
//!
//! Owns notifications of the file system, their settling, the ignore rules and polling where notifications fail. It must not decide
//! what is indexed: it is told which files are readable and says that something may have changed at a path.

mod listing;
mod pending;
mod poller;
mod remote;
mod rules;
mod thread;
mod tree;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::AtomicBool,
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use molt_core::{LibraryRules, ListedFile, SkippedFile, WatchEvent, Watcher};
use tokio::sync::mpsc;

use crate::{
    rules::{Choice, Chosen},
    thread::{Input, WatchThread},
};

/// Tells the files that the program can read from the others, by their path alone.
type IsReadable = Arc<dyn Fn(&Path) -> bool + Send + Sync>;

/// Raw notifications that may wait; beyond it they are dropped and everything is listed again.
const INPUT_CAPACITY: usize = 8192;

/// Delays and bounds. The defaults suit a desktop.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// Changes are reported when none has come for this long …
    pub quiet: Duration,
    /// … and at the latest this long after the first.
    pub longest_delay: Duration,
    /// How often a watched path is checked for being there at all.
    pub check_interval: Duration,
    /// How often a path is listed that cannot be watched.
    pub poll_interval: Duration,
    /// How often a source on another computer is listed: what others change there is not notified here.
    pub remote_interval: Duration,
    /// A drive that has not answered for this long is said not to answer; so long is waited for one when its watching begins.
    pub silence: Duration,
    /// Tells the sources on other computers from the others. It must not ask the drive, which may not answer.
    pub is_remote: fn(&Path) -> bool,
    /// Most directories watched at once; sources beyond it are polled. Leaves some of the system's watches to other programs.
    pub most_directories: usize,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(400),
            longest_delay: Duration::from_secs(2),
            check_interval: Duration::from_secs(5),
            poll_interval: Duration::from_secs(30),
            remote_interval: Duration::from_secs(60),
            silence: Duration::from_secs(5),
            is_remote: remote::is_remote,
            most_directories: 200_000,
        }
    }
}

/// The real `Watcher`. Its events come through the channel that it was made with.
///
/// * `Changed` paths may be files or directories, and may be gone.
/// * A watched path that is deleted, renamed or unmounted gives `Problem` and then `Rescan`; when it comes back, `Rescan` again.
/// * When the system refuses more watches, `Problem` comes once and the path is polled.
/// * A path on another computer is polled by a thread of its own. One that does not answer gives `Problem`, holds up no other path, and
///   gives `Rescan` when it answers.
/// * When the channel is full, changes wait and are merged; nothing is lost and nothing blocks.
#[derive(Debug)]
pub struct FolderWatcher {
    input: SyncSender<Input>,
    thread: Option<JoinHandle<()>>,
    sources: Arc<Mutex<BTreeSet<PathBuf>>>,
    readable: Readable,
    choice: Choice,
    is_remote: fn(&Path) -> bool,
    silence: Duration,
}

#[derive(Clone)]
struct Readable(IsReadable);

impl std::fmt::Debug for Readable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Readable(…)")
    }
}

impl FolderWatcher {
    /// `is_readable` says by its path whether a file is one that the program can read.
    pub fn new(
        sink: mpsc::Sender<WatchEvent>,
        is_readable: impl Fn(&Path) -> bool + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        Self::with_options(sink, is_readable, WatchOptions::default())
    }

    pub fn with_options(
        sink: mpsc::Sender<WatchEvent>,
        is_readable: impl Fn(&Path) -> bool + Send + Sync + 'static,
        options: WatchOptions,
    ) -> std::io::Result<Self> {
        let (input, inputs) = sync_channel(INPUT_CAPACITY);
        let readable: IsReadable = Arc::new(is_readable);
        let events_lost = Arc::new(AtomicBool::new(false));
        let choice = Choice::default();
        let (is_remote, silence) = (options.is_remote, options.silence);
        let watch = WatchThread::new(
            (input.clone(), inputs),
            thread::notifier(input.clone(), events_lost.clone()),
            events_lost,
            sink,
            (readable.clone(), choice.clone()),
            options,
        );
        let thread = std::thread::Builder::new().name("molt-watch".into()).spawn(move || watch.run())?;
        Ok(Self {
            input,
            thread: Some(thread),
            sources: Arc::default(),
            readable: Readable(readable),
            choice,
            is_remote,
            silence,
        })
    }

    /// Asks the thread and waits for its answer; none when it has ended.
    fn ask<T>(&self, question: impl FnOnce(SyncSender<T>) -> Input) -> Option<T> {
        let (answer, answers) = sync_channel(1);
        self.input.send(question(answer)).ok()?;
        answers.recv().ok()
    }

    /// The innermost watched path that holds `path`: its ignore rules apply.
    fn source_of(&self, path: &Path) -> Option<PathBuf> {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.iter().filter(|source| path.starts_with(source)).max_by_key(|source| source.as_os_str().len()).cloned()
    }
}

impl Watcher for FolderWatcher {
    /// Blocks until every directory below is watched, so that a listing made afterwards misses nothing. Watching a path twice is fine.
    ///
    /// An error means that nothing can be seen there now. The path is remembered: a `Rescan` comes when it appears.
    fn watch(&self, path: &Path) -> Result<(), String> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_path_buf());
        if (self.is_remote)(path) {
            // Handed over only while we wait: a first look that comes later is told as a `Rescan`.
            let (answer, answers) = sync_channel(0);
            let _ = self.input.send(Input::WatchRemote(path.to_path_buf(), answer));
            return answers.recv_timeout(self.silence).unwrap_or_else(|_| Err(thread::silent(path)));
        }
        self.ask(|answer| Input::Watch(path.to_path_buf(), answer))
            .unwrap_or_else(|| Err("the watching of folders has ended".into()))
    }

    fn unwatch(&self, path: &Path) {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
        self.ask(|answer| Input::Unwatch(path.to_path_buf(), answer));
    }

    /// Sorted by path. Below a watched path the rules of that path apply, so that a changed file can be listed by itself. A path that is
    /// not there gives a sentence when it is a source (or unknown) and nothing when it lies below one: it was deleted, that is normal.
    fn list(&self, path: &Path) -> (Vec<ListedFile>, Vec<String>) {
        let source = self.source_of(path);
        listing::list(source.as_deref().unwrap_or(path), path, &*self.readable.0, self.choice.now())
    }

    fn set_rules(&self, rules: &LibraryRules) -> Result<(), String> {
        self.choice.set(Chosen::new(rules)?);
        let _ = self.input.send(Input::Rules);
        Ok(())
    }

    fn skipped(&self, path: &Path, most: usize) -> (Vec<SkippedFile>, usize) {
        listing::skipped(path, &*self.readable.0, self.choice.now(), most)
    }
}

impl Drop for FolderWatcher {
    fn drop(&mut self) {
        let _ = self.input.send(Input::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
