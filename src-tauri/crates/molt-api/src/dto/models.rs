//! Models: what there is, what can be had, what other servers have.

use super::*;

dto! {
    pub struct ModelView {
        pub spec: ModelSpec,
        pub state: ModelState,
        /// One plain sentence when the state is `Failed`.
        pub problem: Option<String>,
        pub stats: Option<EngineStats>,
        /// What runs it now.
        pub backend: Option<Backend>,
        /// Tokens of a conversation that it reads: now, or as soon as it is loaded. Fewer than were set where memory is short.
        pub context: u32,
        /// Its need is below the memory that is free now, or that is once models have gone which nobody uses at the moment.
        pub fits: bool,
        /// How fast the engines ran it on this machine, where that was measured.
        pub calibration: Option<Calibration>,
        /// The fastest of them: it runs the model where the user has not chosen another.
        pub fastest: Option<Backend>,
        /// The user chose it to answer, or to compare meaning. None is chosen to answer while the program chooses.
        pub chosen: bool,
        /// This program downloaded it and compared it with what its publisher says; it may delete it.
        pub downloaded: bool,
    }
    pub struct ModelImport { pub path: String }
    /// None unloads and answers with passages.
    pub struct ModelSet { pub role: ModelRole, pub id: Option<ModelId> }
    /// What is to run a model, and how it answers.
    pub struct ModelConfigure {
        pub id: ModelId,
        /// None leaves it to the engine.
        pub backend: Option<Backend>,
        /// None leaves them as they are; empty ones are the usual ones.
        #[serde(default)]
        pub settings: Option<ModelSettings>,
    }
    pub struct Machine {
        pub cpu: String,
        pub cores: u32,
        #[ts(type = "number")]
        pub memory_total: u64,
        #[ts(type = "number")]
        pub memory_available: u64,
    }
    pub struct ModelList { pub models: Vec<ModelView>, pub machine: Machine }

    // Models of other servers ------------------------------------------------------------------------------------------

    /// A server that is asked which models it has.
    pub struct EndpointRef { pub url: String, #[serde(default)] pub key: Option<Secret> }
    pub struct EndpointAdd {
        /// What the model is called here.
        pub name: String,
        pub url: String,
        /// Kept as a secret; never given out again.
        #[serde(default)]
        pub key: Option<Secret>,
        /// What the server calls it.
        pub model: String,
        /// Tokens; none: a number that every such server allows.
        #[serde(default)]
        pub context_length: Option<u32>,
        #[serde(default)]
        pub vision: bool,
        #[serde(default)]
        pub tools: bool,
    }
    /// What a model of another server is to be from now on.
    pub struct EndpointEdit {
        pub id: ModelId,
        pub name: String,
        pub url: String,
        /// None keeps the key that is stored, which is for the same server only.
        #[serde(default)]
        pub key: Option<Secret>,
        pub model: String,
        /// Tokens; none leaves the number as it is.
        #[serde(default)]
        pub context_length: Option<u32>,
    }
    /// It answered.
    pub struct EndpointTested {
        /// Milliseconds.
        #[ts(type = "number")]
        pub ms: u64,
    }

    // Models that can be had -------------------------------------------------------------------------------------------

    /// The most suitable first.
    pub struct CatalogueList { pub version: u32, pub models: Vec<CatalogueView>, pub machine: Machine }
    pub struct CatalogueView {
        pub id: String,
        pub name: String,
        pub role: ModelRole,
        pub repository: String,
        /// Bytes to download.
        #[ts(type = "number")]
        pub size: u64,
        /// Else it is about so large.
        pub size_is_exact: bool,
        pub licence: String,
        /// Tokens.
        pub context_length: u32,
        /// Codes of ISO 639-1, the best first; `multi` for many more.
        pub languages: Vec<String>,
        #[ts(type = "number")]
        pub parameters: u64,
        /// Bytes when loaded.
        #[ts(type = "number")]
        pub memory_needed: u64,
        pub fit: ModelFit,
        /// The one to take if one has no wish.
        /// Tokens a second that it is expected to write on this computer.
        pub speed: f32,
        pub recommended: bool,
        /// It is on its way.
        pub download: Option<DownloadId>,
        /// It is in the list of models.
        pub installed: Option<ModelId>,
    }
    /// Either a model of the catalogue, or a file of a repository on the hub.
    pub struct DownloadStart {
        pub catalogue_id: Option<String>,
        pub repository: Option<String>,
        pub file: Option<String>,
    }
    pub struct DownloadRef { pub id: DownloadId }
    pub struct HubSearch { pub query: String, pub limit: Option<u32> }
    pub struct HubRef { pub repository: String }
    pub struct HubFileView {
        pub file: HubFile,
        /// By its size alone.
        pub fit: Option<ModelFit>,
    }
    pub struct ModelDeleted {
        /// Bytes that are free again.
        #[ts(type = "number")]
        pub reclaimed: u64,
    }
    pub struct FoundModelView {
        pub found: FoundModel,
        /// It is in the list of models already.
        pub model: Option<ModelId>,
    }
}
