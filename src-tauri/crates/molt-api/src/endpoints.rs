//! Models of other servers: finding, adding, testing. They are removed like other models. Nothing here connects but what a person asked for.

use std::time::Duration;

use futures::StreamExt;
use molt_core::{
    EngineError, GenerateRequest, ModelFormat, ModelId, ModelRole, ModelSettings, ModelSpec, OfferedModel,
    PromptMessage, RemoteModel, Role, Secret, key_name,
};
use molt_models::LoadState;

use crate::{ApiError, App, EndpointAdd, EndpointEdit, EndpointRef, EndpointTested, ErrorCode, ModelRef, ModelView};

/// Tokens that are counted on where a server does not say how many it reads.
const USUAL_CONTEXT: u32 = 8192;
const LEAST_CONTEXT: u32 = 1024;
const LONGEST_NAME: usize = 200;
/// Of a test. A server at home may first load the model.
const PATIENCE: Duration = Duration::from_secs(120);

impl App {
    /// Asks a server which models it has.
    pub async fn model_endpoint_models(&self, request: EndpointRef) -> Result<Vec<OfferedModel>, ApiError> {
        let key = checked_key(request.key)?;
        let address = self.parts().servers.address(&request.url).map_err(ApiError::invalid)?;
        Ok(self.parts().servers.offered(&address.url, key.as_ref()).await?)
    }

    /// Takes a model of another server into the list. It is not asked anything yet, and not chosen.
    pub async fn model_endpoint_add(&self, request: EndpointAdd) -> Result<ModelView, ApiError> {
        let key = checked_key(request.key)?;
        let address = self.parts().servers.address(&request.url).map_err(ApiError::invalid)?;
        let model = checked_name(&request.model, "say which model of the server is to answer")?;
        let name = checked_name(&request.name, "the model needs a name")?;
        let id = ModelId::random();
        let spec = ModelSpec {
            id: id.clone(),
            name,
            role: ModelRole::Chat,
            format: ModelFormat::Remote,
            path: String::new(),
            size: 0,
            architecture: String::new(),
            context_length: request.context_length.unwrap_or(USUAL_CONTEXT).max(LEAST_CONTEXT),
            context_limit: None,
            dimensions: 0,
            memory_needed: 0,
            licence: None,
            bundled: false,
            backend: None,
            tools: request.tools,
            remote: Some(RemoteModel { url: address.url, host: address.host, model, vision: request.vision }),
            calibration: None,
            settings: ModelSettings::default(),
        };
        if let Some(key) = key {
            self.parts().secrets.put_secret(&key_name(&id), &key)?;
        }
        self.parts().registry.add(&spec)?;
        Ok(self.view(spec, LoadState::Available, None, &(self.parts().machine)()))
    }

    /// Changes the name, the address or the key of a model of another server. It is not asked anything.
    pub async fn model_endpoint_edit(&self, request: EndpointEdit) -> Result<ModelView, ApiError> {
        let (old, state) = self.parts().registry.get(&request.id)?;
        let Some(remote) = &old.remote else {
            return Err(ApiError::invalid(format!("{} runs on this computer", old.name)));
        };
        let key = checked_key(request.key)?;
        let address = self.parts().servers.address(&request.url).map_err(ApiError::invalid)?;
        let model = checked_name(&request.model, "say which model of the server is to answer")?;
        let name = checked_name(&request.name, "the model needs a name")?;
        let secret = key_name(&old.id);
        if key.is_none() && address.host != remote.host && self.parts().secrets.secret(&secret)?.is_some() {
            let host = &remote.host;
            return Err(ApiError::invalid(format!("the stored key is for {host}; type the key for {}", address.host)));
        }
        let context_length = request.context_length.map_or(old.context_length, |context| context.max(LEAST_CONTEXT));
        let remote = RemoteModel { url: address.url, host: address.host, model, ..remote.clone() };
        let spec = ModelSpec { name, context_length, remote: Some(remote), ..old };
        if let Some(key) = key {
            self.parts().secrets.put_secret(&secret, &key)?;
        }
        self.parts().registry.add(&spec)?;
        if let LoadState::Loaded(_) = state {
            // What is in use is to be the changed one; this opens no connection.
            self.parts().registry.unload(&spec.id).await;
            self.parts().registry.load(&spec.id).await?;
        }
        let (spec, state) = self.parts().registry.get(&spec.id)?;
        Ok(self.view(spec, state, None, &(self.parts().machine)()))
    }

    /// Asks a model of another server for one word, to see whether it answers.
    pub async fn model_endpoint_test(&self, request: ModelRef) -> Result<EndpointTested, ApiError> {
        let (spec, state) = self.parts().registry.get(&request.id)?;
        if spec.remote.is_none() {
            return Err(ApiError::invalid(format!("{} runs on this computer", spec.name)));
        }
        let started = tokio::time::Instant::now();
        self.parts().registry.load(&spec.id).await?;
        let answered = tokio::time::timeout(PATIENCE, self.one_word(&spec.id)).await;
        if state == LoadState::Available {
            // It is in use only if it was before.
            self.parts().registry.unload(&spec.id).await;
        }
        match answered {
            Ok(ended) => ended?,
            Err(_) => return Err(ApiError::new(ErrorCode::Unavailable, format!("{} does not answer", spec.name))),
        }
        Ok(EndpointTested { ms: started.elapsed().as_millis() as u64 })
    }

    async fn one_word(&self, model: &ModelId) -> Result<(), EngineError> {
        let mut events = self.parts().engine.generate(GenerateRequest {
            model: model.clone(),
            messages: vec![PromptMessage { role: Role::User, text: "Hello".into() }],
            max_tokens: 1,
            temperature: 0.0,
            top_p: 1.0,
            stop: Vec::new(),
            think: false,
            constraint: None,
            recall_only: false,
        });
        while let Some(event) = events.next().await {
            event?;
        }
        Ok(())
    }
}

/// A key goes into the head of a request, where not every character may stand. None where nothing was typed.
fn checked_key(key: Option<Secret>) -> Result<Option<Secret>, ApiError> {
    let Some(key) = key else { return Ok(None) };
    let text = key.expose().trim();
    if !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err(ApiError::invalid("a key has only letters, digits and signs, without spaces; copy it again"));
    }
    Ok((!text.is_empty()).then(|| Secret::new(text)))
}

fn checked_name(name: &str, missing: &str) -> Result<String, ApiError> {
    let name = name.trim();
    if name.is_empty() {
        return Err(ApiError::invalid(missing));
    }
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(ApiError::invalid("a name is one line of at most 200 characters"));
    }
    Ok(name.to_owned())
}
