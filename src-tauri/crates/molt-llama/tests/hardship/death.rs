//! The worker's sudden death, at any moment of its life.

use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt};
use molt_core::{Engine, EngineError, GenerateEvent, ModelId, Role};

use crate::bench::{Answer, Bench, MEASURED, PATIENCE, Random, hear, request, said, small_model};

/// The number of kills; `MOLTWORKER_KILLS` changes it.
const KILLS: u64 = 200;
/// Within which the next answer comes. It takes a tenth of a second; a machine that does other things as well takes longer.
const SOON: Duration = Duration::from_secs(30);
const QUESTION: &str = "[1] The code for the north gate is 4711.\n\nQuestion: What is the code for the north gate?";

fn kill(pid: u32) {
    // The process may have ended meanwhile.
    drop(
        std::process::Command::new("kill").args(["-9", &pid.to_string()]).stderr(std::process::Stdio::null()).status(),
    );
}

/// A moment from now. It is the thing under test here, not a way to wait.
async fn moment(random: &mut Random, most: Duration) {
    tokio::time::sleep(Duration::from_micros(random.below(most.as_micros() as u64 + 1))).await;
}

/// The moments of a worker's life.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Loading,
    Prompt,
    Answer,
    Idle,
}

struct Scene<'a> {
    bench: &'a Bench,
    model: &'a ModelId,
    /// The right answer to [`QUESTION`].
    right: String,
    long: String,
    load: Duration,
    read: Duration,
}

impl Scene<'_> {
    fn ask(&self, text: &str) -> Answer {
        self.bench.client.generate(request(self.model, vec![said(Role::User, text)], 24))
    }

    /// Waits for the first event of this kind; the pieces that came before it.
    async fn until(&self, answer: &mut Answer, wanted: impl Fn(&GenerateEvent) -> bool) -> String {
        let mut text = String::new();
        let found = async {
            while let Some(Ok(event)) = answer.next().await {
                if let GenerateEvent::Delta { text: more } = &event {
                    text.push_str(more);
                }
                if wanted(&event) {
                    return;
                }
            }
            panic!("the answer ended early");
        };
        tokio::time::timeout(PATIENCE, found).await.expect("it happens");
        text
    }

    /// Kills the worker at this moment, and hears the answers of that time to their end.
    async fn kill_at(&self, at: Moment, random: &mut Random) {
        let pid = self.bench.pid(self.model).await;
        match at {
            Moment::Idle => {
                moment(random, Duration::from_millis(2)).await;
                kill(pid);
            }
            Moment::Loading => {
                kill(pid);
                let mut waiting = self.ask(QUESTION);
                let reloading = async {
                    while self.bench.client.worker_pid(self.model).is_none_or(|now| now == pid) {
                        // It may have been asked too early, and be lost with the first process.
                        if matches!(waiting.next().now_or_never(), Some(Some(Err(_)))) {
                            waiting = self.ask(QUESTION);
                        }
                        tokio::task::yield_now().await;
                    }
                };
                tokio::time::timeout(PATIENCE, reloading).await.expect("it is started again");
                moment(random, self.load).await;
                kill(self.bench.pid(self.model).await);
                let heard = hear(waiting).await;
                assert!(matches!(heard.end, Ok(_) | Err(EngineError::Crashed(_))), "{heard:?}");
                assert!(self.right.starts_with(&heard.text), "{heard:?}");
            }
            Moment::Prompt => {
                let mut lost = self.ask(&self.long);
                let next = self.ask(QUESTION);
                self.until(&mut lost, |event| matches!(event, GenerateEvent::Started { .. })).await;
                moment(random, self.read).await;
                kill(pid);
                let end = hear(lost).await.end;
                let heard = hear(next).await;
                // Whose prompt was not read yet is served by the next process. Two are answered at once: who has heard something of its
                // answer too is told so.
                let begun = self.right.starts_with(&heard.text) && !heard.text.is_empty();
                assert!(if heard.end.is_ok() { heard.text == self.right } else { begun }, "{heard:?}");
                self.is_cut(heard.end);
                self.is_cut(end);
            }
            Moment::Answer => {
                let mut lost = self.ask(QUESTION);
                let mut pieces = self.until(&mut lost, |event| matches!(event, GenerateEvent::Delta { .. })).await;
                moment(random, Duration::from_millis(4)).await;
                kill(pid);
                let heard = hear(lost).await;
                pieces.push_str(&heard.text);
                assert!(self.right.starts_with(&pieces), "{pieces:?} is not the beginning of {:?}", self.right);
                assert!(heard.end.is_err() || pieces == self.right);
                self.is_cut(heard.end);
            }
        }
    }

    /// The answer was cut short by the death, unless it came to its end before.
    fn is_cut(&self, end: Result<molt_core::FinishReason, EngineError>) {
        assert!(matches!(end, Ok(_) | Err(EngineError::Crashed(_))), "{end:?}");
    }
}

#[tokio::test]
async fn a_worker_that_is_killed_at_any_moment_costs_one_answer() {
    let _shared = MEASURED.read().await;
    let mut random = Random::seeded("sudden death");
    let kills = std::env::var("MOLTWORKER_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let bench = Bench::new();
    let spec = small_model();
    let begun = Instant::now();
    bench.load(&spec).await.unwrap();
    let load = begun.elapsed();
    let long = "The budget meeting moved to room 12. 预算会议改到十二号房间。\n".repeat(20);
    let mut scene = Scene { bench: &bench, model: &spec.id, right: String::new(), long, load, read: Duration::ZERO };
    let begun = Instant::now();
    let heard = hear(scene.ask(QUESTION)).await;
    heard.end.unwrap();
    scene.right = heard.text;
    let answer = begun.elapsed();
    let begun = Instant::now();
    let mut read = scene.ask(&scene.long);
    scene.until(&mut read, |event| matches!(event, GenerateEvent::Delta { .. })).await;
    scene.read = begun.elapsed();
    drop(read);

    let (mut slowest, mut all) = (Duration::ZERO, Duration::ZERO);
    for number in 0..kills {
        let at = random.one_of(&[Moment::Loading, Moment::Prompt, Moment::Answer, Moment::Idle]);
        scene.kill_at(at, &mut random).await;
        let begun = Instant::now();
        // Asked while the death is being noticed, one answer may be lost as well: then it says so.
        let mut heard = hear(scene.ask(QUESTION)).await;
        if matches!(heard.end, Err(EngineError::Crashed(_))) {
            heard = hear(scene.ask(QUESTION)).await;
        }
        let took = begun.elapsed();
        assert_eq!(heard.end.map(|_| heard.text), Ok(scene.right.clone()), "after kill {number}, {at:?}");
        assert!(took < SOON, "the answer after kill {number}, {at:?}, took {took:?}");
        slowest = slowest.max(took);
        all += took;
    }
    let mean = all / u32::try_from(kills.max(1)).unwrap();
    println!(
        "{kills} kills; loading takes {load:?}, the answer {answer:?}; the next answer came after {mean:?} on average, {slowest:?} at most"
    );
    bench.client.unload(&spec.id).await;
}
