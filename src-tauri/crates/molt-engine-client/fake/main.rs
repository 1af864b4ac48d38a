//! A worker that plays a part: which one, the path of the model and the text of the question say.

use std::{fs::File, io::Write, process::exit};

use molt_core::{Backend, FinishReason, GenerateEvent, LoadedModel, ModelSpec};
use molt_engine_client::protocol::{Event, Request, WireError};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut input, output) = molt_wire::claim_stdio()?;
    // Two programs of one file: by its name it plays the other engine.
    let name = std::env::args().next().unwrap_or_default();
    let mut stage =
        Stage { output, held: Vec::new(), llama: name.ends_with("llama"), new: name.ends_with("new-llama") };
    while let Ok(request) = molt_wire::read_frame(&mut input) {
        stage.answer(request)?;
    }
    Ok(())
}

struct Stage {
    output: File,
    /// The generations that wait to be cancelled, and whether they are let go of then.
    held: Vec<(u64, bool)>,
    llama: bool,
    /// It plays a build for new processors, and the processor is an old one.
    new: bool,
}

/// As the processor ends it.
fn illegal_instruction() -> ! {
    #[cfg(unix)]
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::ILL);
    exit(4)
}

impl Stage {
    fn say(&mut self, event: &Event) -> Result<(), molt_wire::FrameError> {
        molt_wire::write_frame(&mut self.output, event)
    }

    fn answer(&mut self, request: Request) -> Result<(), molt_wire::FrameError> {
        match request {
            Request::Load { spec, .. } => self.load(&spec),
            Request::Generate { id, request } => {
                let text = request.messages.last().map(|message| message.text.clone()).unwrap_or_default();
                self.generate(id, &text)
            }
            Request::Cancel { id } => {
                let Some(at) = self.held.iter().position(|(held, _)| *held == id) else { return Ok(()) };
                let (held, let_go) = self.held.remove(at);
                self.done(held, FinishReason::Cancelled)?;
                if let_go { self.say(&Event::Idle { id: held }) } else { Ok(()) }
            }
            Request::Embed { id, texts, .. } => {
                if texts.iter().any(|text| text == "die") {
                    exit(7);
                }
                if texts.iter().any(|text| text == "silent") {
                    return Ok(());
                }
                self.say(&Event::Embedded { id, vectors: texts.iter().map(|text| vec![text.len() as f32]).collect() })
            }
            Request::Rerank { id, query, texts } => {
                if texts.iter().any(|text| text == "die") {
                    exit(7);
                }
                let score = |text: &String| text.matches(query.as_str()).count() as f32;
                self.say(&Event::Reranked { id, scores: texts.iter().map(score).collect() })
            }
            Request::CountTokens { id, texts } => self.say(&Event::Counted {
                id,
                counts: texts.iter().map(|text| text.split_whitespace().count() as u32).collect(),
            }),
            Request::CheckTemplate { .. } => self.say(&Event::TemplateChecked { problem: None }),
            Request::Shutdown => exit(0),
        }
    }

    fn load(&mut self, spec: &ModelSpec) -> Result<(), molt_wire::FrameError> {
        let first = |marker: &str| File::create_new(marker).is_ok();
        match spec.path.split_once(':').unwrap_or((&spec.path, "")) {
            ("bad", _) => {
                self.say(&Event::LoadFailed { error: WireError::BadModel { text: "The file is damaged.".into() } })
            }
            ("unknown-to-llama", _) if self.llama => self
                .say(&Event::LoadFailed { error: WireError::BadModel { text: "The architecture is unknown.".into() } }),
            ("kills-llama", _) if self.llama => exit(3),
            ("illegal-in-new", _) if self.new => illegal_instruction(),
            ("illegal-in-llama", _) if self.llama => illegal_instruction(),
            ("hang", _) => Ok(()),
            ("die", _) => exit(3),
            ("die-once", marker) if first(marker) => exit(3),
            _ => {
                let model = LoadedModel {
                    id: spec.id.clone(),
                    context_length: spec.context_length,
                    dimensions: 1,
                    // By this the builds are told apart.
                    load_ms: if self.new { 1 } else { 2 },
                    backend: if self.llama { Backend::LlamaCpp } else { Backend::MistralRs },
                };
                self.say(&Event::Loaded { model, at_once: if spec.path == "three" { 3 } else { 1 } })
            }
        }
    }

    fn generate(&mut self, id: u64, text: &str) -> Result<(), molt_wire::FrameError> {
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        if verb == "overflow" {
            self.say(&Event::Failed { id, error: WireError::ContextOverflow { tokens: 9, limit: 4 } })?;
            return self.say(&Event::Idle { id });
        }
        if verb == "alone" && !self.held.is_empty() {
            return self.say(&Event::Full { id });
        }
        self.say(&Event::Generation { id, event: GenerateEvent::Started { prompt_tokens: 100 } })?;
        let first = if rest.is_empty() { "…" } else { rest };
        match verb {
            "silent" => Ok(()),
            "think" => {
                self.say(&Event::Progress { id })?;
                self.done(id, FinishReason::Stop)?;
                self.say(&Event::Idle { id })
            }
            "die-once" if File::create_new(rest).is_ok() => exit(7),
            "say" | "alone" | "die-once" => {
                for word in rest.split_inclusive(' ') {
                    self.delta(id, word)?;
                }
                self.done(id, FinishReason::Stop)?;
                self.say(&Event::Idle { id })
            }
            "die" => {
                self.delta(id, first)?;
                exit(7)
            }
            "illegal" if self.new => {
                self.delta(id, first)?;
                illegal_instruction()
            }
            "nonsense" => Ok(self.output.write_all(b"\x05\0\0\0hello")?),
            // `hold` is let go of when it is cancelled, `stick` is not.
            _ => {
                self.held.push((id, verb == "hold"));
                self.delta(id, first)
            }
        }
    }

    fn delta(&mut self, id: u64, text: &str) -> Result<(), molt_wire::FrameError> {
        self.say(&Event::Generation { id, event: GenerateEvent::Delta { text: text.into() } })
    }

    fn done(&mut self, id: u64, finish: FinishReason) -> Result<(), molt_wire::FrameError> {
        let event = GenerateEvent::Done {
            finish,
            prompt_tokens: 100,
            cached_tokens: 0,
            completion_tokens: 3,
            prompt_ms: 1000,
            decode_ms: 100,
        };
        self.say(&Event::Generation { id, event })
    }
}
