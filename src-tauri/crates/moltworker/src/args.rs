//! What can be typed. The help in Chinese is in `help.rs`; it must name every command and argument that stands here.
//!
//! Size: one table of all that can be typed.

mod model;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;
use molt_core::{CoreShare, DocumentKind, DocumentState};

pub use model::{EndpointEdit, ModelConfigure, ModelName, ModelQuantisation};

/// A private AI assistant on your own computer
#[derive(Debug, Parser)]
#[command(
    name = "moltworker",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// Keep the data in this folder instead of the usual one (also MOLTWORKER_DATA)
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Unlock the data with the passphrase in this file (also MOLTWORKER_PASSPHRASE_FILE)
    #[arg(long, global = true, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run without a window, for browsers and scripts on this computer
    Serve(Serve),
    /// Open Moltworker in the browser
    Web(Web),
    /// Ask one question and print the answer with its sources
    Ask(Ask),
    /// Talk in the terminal
    Chat,
    /// The documents that answers are taken from
    #[command(subcommand)]
    Knowledge(Knowledge),
    /// Tasks and reminders
    #[command(subcommand)]
    Task(Task),
    /// The models on this computer
    #[command(subcommand)]
    Model(Model),
    /// What opens the encrypted data
    #[command(subcommand)]
    Key(Key),
    /// Put back the newest sound copy of damaged data; the damaged file stays under another name
    Restore,
}

#[derive(Debug, Subcommand)]
pub enum Key {
    /// Show what opens the data, and whether it is locked
    Status,
    /// Unlock the data
    Unlock(KeyUnlockArgs),
    /// Lock the data of the running Moltworker
    Lock,
    /// Set, change or remove the passphrase
    Passphrase(KeyPassphraseArgs),
    /// Keep the key in the system's keyring
    Keyring,
    /// Make a recovery code and print it; the one before opens nothing any more
    Recovery,
    /// Make new keys and encrypt the data with them
    Rotate,
}

#[derive(Debug, Args)]
pub struct KeyUnlockArgs {
    /// With the recovery code instead of the passphrase
    #[arg(long)]
    pub recovery: bool,
}

#[derive(Debug, Args)]
pub struct KeyPassphraseArgs {
    /// Remove it: the data opens without asking from then on
    #[arg(long)]
    pub remove: bool,
    /// Ask for it only where the system's keyring does not open the data
    #[arg(long, conflicts_with = "remove")]
    pub with_keyring: bool,
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Listen on this port; 0 is any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
}

#[derive(Debug, Args)]
pub struct Web {
    /// Listen on this port; 0 is any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
    /// Only print the address
    #[arg(long)]
    pub no_open: bool,
}

#[derive(Debug, Args)]
pub struct Ask {
    /// The question
    #[arg(required_unless_present = "batch")]
    pub question: Vec<String>,
    /// Answer many questions: one JSON object {"id", "question"} a line; - is the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "question")]
    pub batch: Option<PathBuf>,
    /// Let the model think before it answers, if it can; that takes longer
    #[arg(long)]
    pub think: bool,
}

#[derive(Debug, Subcommand)]
pub enum Knowledge {
    /// Add files and folders; folders are watched from then on
    Add(KnowledgeAdd),
    /// List what was added
    List,
    /// List the files of the library, with their state
    Files(KnowledgeFiles),
    /// Show a file of the library and the passages that were made of it
    Show(KnowledgeShow),
    /// Find passages
    Search(KnowledgeSearch),
    /// Print the text of a file without adding it
    Extract(KnowledgeExtract),
    /// Read a file of the library again, or all that could not be read
    Retry(KnowledgeRetry),
    /// Stop reading for now; what was read can still be searched
    Pause,
    /// Go on reading
    Resume(KnowledgeResume),
    /// Forget a file or folder; the files themselves stay
    Remove(KnowledgeRemove),
    /// Read a protected document of the library; its password is read from the standard input
    Unlock(KnowledgeUnlock),
    /// Show or change what is left out of the folders
    Rules(KnowledgeRules),
}

#[derive(Debug, Args)]
pub struct KnowledgeResume {
    /// Cores of the processor that reading may take from now on: one, half or all
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub cores: Option<CoreShare>,
}

fn share(name: &str) -> Result<CoreShare, String> {
    serde_json::from_value(serde_json::Value::from(name.to_lowercase())).map_err(|error| error.to_string())
}

#[derive(Debug, Args)]
pub struct KnowledgeRules {
    /// Leave out what matches, as in a .gitignore file; may be given several times, and replaces the patterns before
    #[arg(long, value_name = "PATTERN")]
    pub ignore: Vec<String>,
    /// Leave out nothing by its name
    #[arg(long, conflicts_with = "ignore")]
    pub ignore_nothing: bool,
    /// Leave out files above this many megabytes; 0 for none
    #[arg(long, value_name = "MEGABYTES")]
    pub largest: Option<u32>,
}

#[derive(Debug, Args)]
pub struct KnowledgeFiles {
    /// Only in this state: waiting, indexing, indexed, no_text, password_needed or failed; may be given several times
    #[arg(long = "state", value_name = "STATE", value_parser = state)]
    pub states: Vec<DocumentState>,
    /// Only in this folder
    #[arg(long = "in", value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// Those that are not read, and why
    #[arg(long, conflicts_with = "states")]
    pub skipped: bool,
}

/// A state of documents by its name on the wire.
fn state(name: &str) -> Result<DocumentState, String> {
    serde_json::from_value(serde_json::Value::from(name.to_lowercase())).map_err(|error| error.to_string())
}

#[derive(Debug, Args)]
pub struct KnowledgeShow {
    /// The file
    pub path: PathBuf,
}

#[derive(Debug, Args)]
pub struct KnowledgeRetry {
    /// The file; all that could not be read without it
    pub path: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct KnowledgeUnlock {
    /// The file
    pub path: PathBuf,
}

#[derive(Debug, Args)]
pub struct KnowledgeAdd {
    /// Files and folders
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Wait until everything can be searched (always so when Moltworker is not running)
    #[arg(long)]
    pub wait: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum Way {
    #[default]
    Both,
    Words,
    Meaning,
}

#[derive(Debug, Args)]
pub struct KnowledgeSearch {
    /// What to look for
    #[arg(required_unless_present = "batch")]
    pub query: Vec<String>,
    /// The most passages to find
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<u32>,
    /// Compare words, meaning, or both
    #[arg(long, value_enum, value_name = "WAY", default_value_t)]
    pub by: Way,
    /// Only in documents of this type; may be given several times
    #[arg(long = "type", value_name = "TYPE", value_parser = kind)]
    pub kinds: Vec<DocumentKind>,
    /// Only in documents that were changed on this day or later
    #[arg(long, value_name = "DAY")]
    pub since: Option<Date>,
    /// Only in this folder, or in this file
    #[arg(long = "in", value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// Search many times: one JSON object {"id", "query"} a line; - is the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "query")]
    pub batch: Option<PathBuf>,
}

/// A type of documents by its name on the wire, for example `pdf` or `markdown`.
fn kind(name: &str) -> Result<DocumentKind, String> {
    serde_json::from_value(serde_json::Value::from(name.to_lowercase())).map_err(|error| error.to_string())
}

#[derive(Debug, Args)]
pub struct KnowledgeExtract {
    /// The file
    #[arg(required_unless_present = "batch")]
    pub path: Option<PathBuf>,
    /// The file is protected: read its password from the standard input
    #[arg(long, conflicts_with = "batch")]
    pub password: bool,
    /// Read many files: one JSON object {"id", "path", "password"} a line; - is the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "path")]
    pub batch: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct KnowledgeRemove {
    /// Its path, or its id or the beginning of it
    pub source: String,
}

#[derive(Debug, Subcommand)]
pub enum Task {
    /// Add a task from a line such as "call Anna tomorrow at 3pm"
    Add(TaskAdd),
    /// List the open tasks
    List(TaskList),
    /// Complete a task
    Done(TaskDone),
    /// Leave one time of a repeating task out
    Skip(TaskSkip),
    /// Show how a line is understood, without adding anything
    Parse(TaskParse),
    /// Show the times of a calendar's repetition rule (RFC 5545)
    Expand(TaskExpand),
    /// Add the tasks of an iCalendar (.ics), todo.txt or Todoist (.csv) file
    Import(TaskImport),
    /// Write all tasks into an iCalendar file
    Export(TaskExport),
    /// Print the address at which calendar programs on this computer can subscribe to the tasks
    Feed(TaskFeed),
}

#[derive(Debug, Args)]
pub struct TaskFeed {
    /// Close it; opened again it has another address
    #[arg(long)]
    pub off: bool,
}

#[derive(Debug, Args)]
pub struct TaskAdd {
    /// What, when, !priority, #category, /section, ~estimate
    #[arg(required = true)]
    pub line: Vec<String>,
    /// The section of its category
    #[arg(long)]
    pub section: Option<String>,
    /// How long it will take, such as 30min or 2h
    #[arg(long)]
    pub estimate: Option<String>,
    /// The task that it is a part of: its id, or the beginning of it
    #[arg(long, value_name = "TASK")]
    pub parent: Option<String>,
}

#[derive(Debug, Args)]
pub struct TaskList {
    /// The completed ones too
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
pub struct TaskDone {
    /// Its id, or the beginning of it
    pub task: String,
}

#[derive(Debug, Args)]
pub struct TaskSkip {
    /// Its id, or the beginning of it
    pub task: String,
    /// The day to leave out, such as 2026-12-24; without it the time that is due
    #[arg(long, value_name = "DATE")]
    pub on: Option<String>,
}

#[derive(Debug, Args)]
pub struct TaskParse {
    /// The line
    #[arg(required_unless_present = "batch")]
    pub line: Vec<String>,
    /// Read many lines: one JSON object {"id", "text", "reference_time"} a line; - is the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "line")]
    pub batch: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct TaskImport {
    /// The file; todo.txt where its name ends in .txt, Todoist where it ends in .csv, else iCalendar
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct TaskExport {
    /// The new file
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct TaskExpand {
    /// The rule, such as FREQ=WEEKLY;BYDAY=MO
    #[arg(required_unless_present = "batch")]
    pub rule: Option<String>,
    /// From when: a day 20261121 or a local time 20261121T090000
    #[arg(required_unless_present = "batch")]
    pub start: Option<String>,
    /// Expand many rules: one JSON object {"id", "rrule", "dtstart"} a line; - is the standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rule", "start"])]
    pub batch: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Model {
    /// List the models
    List,
    /// Take a model that is on the disk into the list
    Import(ModelImport),
    /// Choose the model that answers, that compares meaning, or that puts passages in order
    Set(ModelSet),
    /// Set how much a model reads, how it writes and what runs it; without options, show that
    Configure(ModelConfigure),
    /// Load a model into memory, without choosing it
    Load(ModelName),
    /// Give a model's memory back; one that was chosen is loaded again by the next question
    Unload(ModelName),
    /// Take a model off the list; its file stays
    Remove(ModelName),
    /// List open models to download, those that suit this computer first
    Catalogue,
    /// Download a model, or go on with its download
    Download(ModelDownload),
    /// List the downloads that are not complete
    Downloads,
    /// Pause a download
    Pause(DownloadName),
    /// Go on with a download
    Resume(DownloadResume),
    /// End a download and delete what was received
    Cancel(DownloadName),
    /// Search the hub for models, or list the files of one
    Search(ModelSearch),
    /// List models that LM Studio, Ollama and Hugging Face keep on this computer
    Scan(ModelScan),
    /// Measure which engine is the fastest with a model on this computer; it runs the model from then on
    Benchmark(ModelBenchmark),
    /// Delete a downloaded model from the disk
    Delete(ModelDelete),
    /// Show how a model cuts text into tokens; its file need not be in the list
    Tokenize(ModelTokenize),
    /// Models of other servers (OpenAI-compatible); your questions are sent there
    #[command(subcommand)]
    Endpoint(Endpoint),
}

#[derive(Debug, Subcommand)]
pub enum Endpoint {
    /// Add a model of another server, without using it yet
    Add(EndpointAdd),
    /// List the models of other servers
    List,
    /// Ask one for a single word, to see whether it answers
    Test(ModelName),
    /// Change what is given; the rest stays
    Edit(EndpointEdit),
    /// Remove one, and its key
    Remove(EndpointRemove),
}

#[derive(Debug, Args)]
pub struct EndpointAdd {
    /// What it is called here
    pub name: String,
    /// The address, such as https://api.example.com/v1
    pub url: String,
    /// What the server calls the model; without it, the server is asked for its models and nothing is added
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Read the key from the standard input
    #[arg(long)]
    pub key: bool,
    /// How many tokens it reads
    #[arg(long, value_name = "TOKENS")]
    pub context: Option<u32>,
}

#[derive(Debug, Args)]
pub struct EndpointRemove {
    /// Its name, its id or the beginning of it
    pub model: String,
}

#[derive(Debug, Args)]
pub struct ModelDownload {
    /// Its id in the catalogue, or OWNER/NAME/FILE.gguf on the hub
    pub model: String,
    /// Use it when it is complete
    #[arg(long = "use")]
    pub use_it: bool,
    /// Do not wait for the end, when Moltworker is running
    #[arg(long, conflicts_with = "use_it")]
    pub no_wait: bool,
}

#[derive(Debug, Args)]
pub struct DownloadName {
    /// The name of its model, its id or the beginning of it
    pub download: String,
}

#[derive(Debug, Args)]
pub struct DownloadResume {
    /// The name of its model, its id or the beginning of it
    pub download: String,
    /// Do not wait for the end, when Moltworker is running
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, Args)]
pub struct ModelSearch {
    /// Words of the name, or OWNER/NAME for the files of a model
    #[arg(required = true)]
    pub query: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ModelScan {
    /// Take all of them into the list; their files stay where they are
    #[arg(long)]
    pub import: bool,
}

#[derive(Debug, Args)]
pub struct ModelBenchmark {
    /// Its name, its id or the beginning of it
    pub model: String,
}

#[derive(Debug, Args)]
pub struct ModelDelete {
    /// Its name, its id or the beginning of it
    pub model: String,
}

#[derive(Debug, Args)]
pub struct ModelTokenize {
    /// A GGUF file
    pub file: PathBuf,
    /// The text
    #[arg(required_unless_present = "batch")]
    pub text: Vec<String>,
    /// Many texts: one JSON object {"id", "text"} a line; -, or no name, is the standard input
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-", conflicts_with = "text")]
    pub batch: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ModelImport {
    /// A GGUF file, or a folder with safetensors or UQFF
    pub path: PathBuf,
    /// Use it from now on
    #[arg(long = "use")]
    pub use_it: bool,
}

#[derive(Debug, Args)]
pub struct ModelSet {
    /// Its name, its id or the beginning of it; none uses no model, auto chooses one for every question
    pub model: String,
    /// What for, with none
    #[arg(long, value_enum, default_value_t = ModelRole::Chat)]
    pub role: ModelRole,
    /// Run it with this engine from now on
    #[arg(long, value_enum)]
    pub engine: Option<ModelEngine>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModelEngine {
    /// Whichever can run it, the fastest first
    Auto,
    #[value(name = "llama.cpp")]
    LlamaCpp,
    #[value(name = "mistral.rs")]
    MistralRs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModelRole {
    /// Answers
    Chat,
    /// Compares meaning
    Embedder,
    /// Puts the best passages of a search in order
    Reranker,
}
