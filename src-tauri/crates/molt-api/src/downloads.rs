//! Models that can be had: the catalogue, downloads, the search of the hub, models of other programs, deleting.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures::StreamExt;
use molt_core::{
    Download, DownloadId, DownloadRequest, DownloadState, HubFile, HubModel, ModelDownloads, ModelFolders, ModelHub,
    ModelSpec,
};
use molt_models::{Catalogue, Recommendation, fit, memory_of_file, recommend};

use crate::{
    Activity, ActivityKind, ApiError, App, CatalogueList, CatalogueView, DownloadRef, DownloadStart, ErrorCode, Event,
    FoundModelView, HubFileView, HubRef, HubSearch, ModelDeleted, ModelRef,
};

/// Models that a search gives if nothing else is asked for.
const FOUND: u32 = 20;

/// Where models come from.
pub struct ModelSupply {
    pub catalogue: Arc<Catalogue>,
    pub downloads: Arc<dyn ModelDownloads>,
    pub hub: Arc<dyn ModelHub>,
    pub folders: Arc<dyn ModelFolders>,
}

impl App {
    /// The models of the catalogue, the most suitable for this machine first. Opens no connection.
    pub async fn model_catalogue(&self) -> Result<CatalogueList, ApiError> {
        let supply = &self.parts().supply;
        let machine = (self.parts().machine)();
        let models: Vec<ModelSpec> = self.parts().registry.list()?.into_iter().map(|(spec, _)| spec).collect();
        let downloads = supply.downloads.list();
        let view = |one: Recommendation<'_>| {
            let model = one.model;
            let place = supply.downloads.place(&model.repository, &model.hub_files()).ok();
            let path = place.as_ref().map(|place| place.to_string_lossy().into_owned());
            // The list of models names real paths, without links.
            let real = place.and_then(|place| place.canonicalize().ok());
            CatalogueView {
                id: model.id.clone(),
                name: model.name.clone(),
                role: model.role,
                repository: model.repository.clone(),
                size: model.size(),
                size_is_exact: model.size_is_exact(),
                licence: model.licence.clone(),
                context_length: model.context,
                languages: model.languages.clone(),
                parameters: model.parameters,
                memory_needed: model.memory,
                fit: one.fit,
                recommended: one.recommended,
                speed: one.speed,
                download: downloads.iter().find(|one| path.as_ref() == Some(&one.path)).map(|one| one.id.clone()),
                installed: models
                    .iter()
                    .find(|spec| real.as_deref() == Some(Path::new(&spec.path)))
                    .map(|spec| spec.id.clone()),
            }
        };
        let offered = recommend(&supply.catalogue, machine.memory_total, machine.memory_available, machine.cores);
        Ok(CatalogueList {
            version: supply.catalogue.version,
            models: offered.into_iter().map(view).collect(),
            machine: machine.clone(),
        })
    }

    /// Downloads that are not yet models of the list, oldest first.
    pub async fn model_downloads(&self) -> Result<Vec<Download>, ApiError> {
        Ok(self.parts().supply.downloads.list())
    }

    /// Begins a download of a model of the catalogue, or of a GGUF file of the hub; or goes on with it.
    pub async fn model_download_start(&self, request: DownloadStart) -> Result<Download, ApiError> {
        let wanted = match (&request.catalogue_id, &request.repository, &request.file) {
            (Some(id), None, None) => self.of_catalogue(id)?,
            (None, Some(repository), Some(file)) => self.of_hub(repository, file)?,
            _ => return Err(ApiError::invalid("name a model of the catalogue, or a repository and a file of it")),
        };
        Ok(self.parts().supply.downloads.start(wanted).await?)
    }

    fn of_catalogue(&self, id: &str) -> Result<DownloadRequest, ApiError> {
        let model = self
            .parts()
            .supply
            .catalogue
            .get(id)
            .ok_or_else(|| ApiError::new(ErrorCode::NotFound, format!("the catalogue has no model named {id}")))?;
        Ok(model.request())
    }

    fn of_hub(&self, repository: &str, file: &str) -> Result<DownloadRequest, ApiError> {
        let known = self
            .parts()
            .supply
            .catalogue
            .models
            .iter()
            .find(|model| model.repository == repository && model.files.len() == 1 && model.files[0].path == file);
        if let Some(model) = known {
            return Ok(model.request());
        }
        let name = file.rsplit('/').next().unwrap_or(file);
        let Some(stem) = strip_gguf(name) else {
            return Err(ApiError::invalid(format!("the file {name} is not a GGUF file"))
                .hint("Other kinds of model files can contain programs, so they are not fetched."));
        };
        if stem.contains("-of-0") {
            return Err(ApiError::invalid(format!(
                "the file {name} is one part of several, which cannot be put together yet"
            ))
            .hint("Choose a smaller quantisation that is one file."));
        }
        Ok(DownloadRequest {
            name: stem.to_owned(),
            repository: repository.to_owned(),
            revision: None,
            files: vec![HubFile { path: file.to_owned(), size: None, sha256: None }],
        })
    }

    pub async fn model_download_pause(&self, request: DownloadRef) -> Result<Download, ApiError> {
        Ok(self.parts().supply.downloads.pause(&request.id).await?)
    }

    /// Goes on after a pause or a failure.
    pub async fn model_download_resume(&self, request: DownloadRef) -> Result<Download, ApiError> {
        Ok(self.parts().supply.downloads.resume(&request.id).await?)
    }

    /// Ends a download and deletes what was received.
    pub async fn model_download_cancel(&self, request: DownloadRef) -> Result<Vec<Download>, ApiError> {
        self.parts().supply.downloads.cancel(&request.id).await?;
        self.model_downloads().await
    }

    /// Asks the hub for models by words of their name.
    pub async fn model_search_hub(&self, request: HubSearch) -> Result<Vec<HubModel>, ApiError> {
        let query = request.query.trim();
        if query.is_empty() {
            return Err(ApiError::invalid("say what to look for"));
        }
        Ok(self.parts().supply.hub.search(query, request.limit.unwrap_or(FOUND) as usize).await?)
    }

    /// The GGUF files of a model of the hub, from small to large, with how they suit this machine.
    pub async fn model_hub_files(&self, request: HubRef) -> Result<Vec<HubFileView>, ApiError> {
        let machine = (self.parts().machine)();
        let mut files = self.parts().supply.hub.files(&request.repository).await?;
        files.retain(|file| strip_gguf(&file.path).is_some() && !file.path.to_lowercase().contains("mmproj"));
        files.sort_by(|a, b| (a.size, &a.path).cmp(&(b.size, &b.path)));
        let view = |file: HubFile| HubFileView {
            fit: file.size.map(|size| fit(memory_of_file(size), machine.memory_total, machine.memory_available)),
            file,
        };
        Ok(files.into_iter().map(view).collect())
    }

    /// Takes a model off the list and deletes its file, if this program downloaded it.
    pub async fn model_delete(&self, request: ModelRef) -> Result<ModelDeleted, ApiError> {
        let (spec, _) = self.parts().registry.get(&request.id)?;
        let (path, folders) = (PathBuf::from(&spec.path), self.parts().supply.folders.clone());
        let is_there = path.exists();
        if is_there && !spec.bundled && !folders.owns(&path) {
            let sentence = format!("the file of {} was not downloaded by Moltworker, so it is not deleted", spec.name);
            return Err(ApiError::invalid(sentence).hint("Remove the model from the list instead; its file stays."));
        }
        self.model_remove(request).await?;
        if !is_there {
            return Ok(ModelDeleted { reclaimed: 0 });
        }
        let reclaimed = blocking(move || folders.delete(&path)).await??;
        Ok(ModelDeleted { reclaimed })
    }

    /// Models that other programs left on this disk. Import one with `model_import`; its file stays where it is.
    pub async fn model_folders_scan(&self) -> Result<Vec<FoundModelView>, ApiError> {
        let folders = self.parts().supply.folders.clone();
        let found = blocking(move || folders.scan()).await?;
        let models = self.parts().registry.list()?;
        let known = |path: &str| models.iter().find(|(spec, _)| spec.path == path).map(|(spec, _)| spec.id.clone());
        Ok(found.into_iter().map(|found| FoundModelView { model: known(&found.path), found }).collect())
    }

    /// Goes on with the downloads that were under way when the program ended. For faces that stay.
    pub async fn resume_downloads(&self) {
        self.parts().supply.downloads.resume_interrupted().await;
    }

    /// Tells of downloads, and takes those that are complete into the list of models. Runs until it is dropped.
    pub fn follow_downloads(&self) -> impl Future<Output = ()> + Send + use<> {
        let app = self.clone();
        async move {
            let mut changes = app.parts().supply.downloads.changes();
            let mut before: HashMap<DownloadId, Download> = HashMap::new();
            while let Some(list) = changes.next().await {
                app.tell_downloads(&before, &list);
                for download in list.iter().filter(|download| download.state == DownloadState::Done) {
                    app.take_in(download).await;
                }
                before = list.into_iter().map(|download| (download.id.clone(), download)).collect();
            }
        }
    }

    fn tell_downloads(&self, before: &HashMap<DownloadId, Download>, list: &[Download]) {
        for download in list {
            let old = before.get(&download.id);
            let was = old.map(|old| old.state);
            if download.state == DownloadState::Failed && was.is_some_and(|was| was != DownloadState::Failed) {
                self.report(&download.name, download.problem.clone().unwrap_or_default());
            }
        }
        // What was said of a failure is over when it goes on or is cancelled.
        for old in before.values().filter(|old| old.state == DownloadState::Failed) {
            if !list.iter().any(|new| new.id == old.id && new.state == DownloadState::Failed) {
                self.problems().retain(|problem| problem.subject != old.name || problem.message != old.problem);
            }
        }
        self.parts().bus.send(Event::DownloadsChanged { downloads: list.to_vec() });
        // Everybody asks for the whole status after this, so not for every piece that arrives.
        let looks = |download: &Download| (download.id.clone(), download.state, percent(download));
        let mut now: Vec<_> = list.iter().map(looks).collect();
        let mut then: Vec<_> = before.values().map(looks).collect();
        now.sort_by(|a, b| a.0.cmp(&b.0));
        then.sort_by(|a, b| a.0.cmp(&b.0));
        if now != then {
            self.status_changed();
        }
    }

    /// A complete download becomes a model of the list.
    async fn take_in(&self, download: &Download) {
        let (registry, path) = (self.parts().registry.clone(), download.path.clone());
        let refused = match blocking(move || registry.import(Path::new(&path))).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.message),
        };
        if let Err(error) = self.parts().supply.downloads.settle(&download.id, refused).await {
            // Cancelled in this moment, or the disk is full: then it is taken in again after the next start.
            tracing::warn!(%error, name = %download.name, "a complete download could not be settled");
        }
    }

    /// What runs of downloads, for the list of activities.
    pub(crate) fn download_activities(&self) -> Vec<Activity> {
        use DownloadState::{Queued, Retrying, Running, Verifying};
        let list = self.parts().supply.downloads.list();
        let running = list.into_iter().filter(|one| matches!(one.state, Queued | Running | Retrying | Verifying));
        running
            .map(|one| Activity {
                id: one.id.to_string(),
                kind: ActivityKind::Downloading,
                progress: one.size.filter(|size| *size > 0).map(|size| one.received as f32 / size as f32),
                subject: one.name,
                message: None,
            })
            .collect()
    }
}

fn percent(download: &Download) -> Option<u64> {
    let size = download.size.filter(|size| *size > 0)?;
    Some(download.received.saturating_mul(100) / size)
}

fn strip_gguf(name: &str) -> Option<&str> {
    let at = name.len().checked_sub(".gguf".len())?;
    name.get(at..)?.eq_ignore_ascii_case(".gguf").then(|| &name[..at])
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))
}
