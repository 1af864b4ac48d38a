//! Looking at one source again and again, on a thread of its own: a drive that does not answer holds up nothing but itself.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel},
    },
    time::{Duration, Instant},
};

use crate::{
    IsReadable,
    listing::{Snapshot, folder_sentence, snapshot},
    rules::Choice,
    thread::Input,
};

/// Listing a large folder over a slow line takes long; it rests this many times as long as it worked.
const REST: u32 = 9;

/// What a look found that was not so at the look before.
#[derive(Debug)]
pub enum Found {
    Changed(Vec<PathBuf>),
    /// It is there, and was not seen when its watching began, or was away.
    There,
    /// It is not there, with a sentence.
    Away(String),
}

/// The thread's other end. Dropping it ends the thread, as soon as the drive answers.
#[derive(Debug)]
pub struct Poller {
    _alive: Sender<()>,
    /// When the drive was last asked for something; none while it is not looked at.
    asked: Arc<Mutex<Option<Instant>>>,
}

impl Poller {
    /// `answer` is told how the first look went, if somebody still waits for it then.
    pub fn start(
        path: PathBuf,
        (is_readable, choice): (IsReadable, Choice),
        interval: Duration,
        output: SyncSender<Input>,
        answer: SyncSender<Result<(), String>>,
    ) -> std::io::Result<Self> {
        let (alive, ended) = channel();
        let asked = Arc::new(Mutex::default());
        let mut looking =
            Looking { path, is_readable, choice, interval, output, asked: asked.clone(), seen: None, is_first: true };
        std::thread::Builder::new().name("molt-watch-drive".into()).spawn(move || looking.run(&ended, answer))?;
        Ok(Self { _alive: alive, asked })
    }

    /// How long the drive has left a question without an answer.
    pub fn silent_for(&self) -> Duration {
        lock(&self.asked).map_or(Duration::ZERO, |asked| asked.elapsed())
    }
}

struct Looking {
    path: PathBuf,
    is_readable: IsReadable,
    choice: Choice,
    interval: Duration,
    output: SyncSender<Input>,
    asked: Arc<Mutex<Option<Instant>>>,
    /// None while the source is away.
    seen: Option<Snapshot>,
    is_first: bool,
}

impl Looking {
    fn run(&mut self, ended: &Receiver<()>, answer: SyncSender<Result<(), String>>) {
        let mut answer = Some(answer);
        loop {
            let start = Instant::now();
            let found = self.look();
            let found = match answer.take() {
                // What is listed from now on is compared with this look.
                Some(answer) => match answer.send(first_answer(&found)) {
                    Ok(()) => None,
                    Err(_) => found,
                },
                None => found,
            };
            if found.is_some_and(|found| self.output.send(Input::Looked(self.path.clone(), found)).is_err()) {
                return;
            }
            match ended.recv_timeout(self.interval.max(start.elapsed() * REST)) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return,
            }
        }
    }

    fn look(&mut self) -> Option<Found> {
        let asking = || *lock(&self.asked) = Some(Instant::now());
        asking();
        // Each file that is met shows that the drive answers.
        let readable = |path: &Path| {
            asking();
            (self.is_readable)(path)
        };
        let now = self.path.metadata().map(|_| snapshot(&self.path, &readable, self.choice.now()));
        *lock(&self.asked) = None;
        let is_first = std::mem::replace(&mut self.is_first, false);
        match (self.seen.take(), now) {
            (before, Err(error)) => {
                (is_first || before.is_some()).then(|| Found::Away(folder_sentence(&self.path, &error)))
            }
            (None, Ok(now)) => {
                self.seen = Some(now);
                Some(Found::There)
            }
            (Some(before), Ok(now)) => {
                let changed: Vec<PathBuf> = difference(&before, &now).map(Path::to_path_buf).collect();
                self.seen = Some(now);
                (!changed.is_empty()).then_some(Found::Changed(changed))
            }
        }
    }
}

fn first_answer(found: &Option<Found>) -> Result<(), String> {
    match found {
        Some(Found::Away(sentence)) => Err(sentence.clone()),
        _ => Ok(()),
    }
}

/// The files that came, changed or went.
pub fn difference<'a>(before: &'a Snapshot, now: &'a Snapshot) -> impl Iterator<Item = &'a Path> {
    let came = now.iter().filter(|(file, mark)| before.get(*file) != Some(mark)).map(|(file, _)| file);
    let went = before.keys().filter(|file| !now.contains_key(*file));
    came.chain(went).map(PathBuf::as_path)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
