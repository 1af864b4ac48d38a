//! Models that can be had, as a face asks for them.

use molt_core::{DownloadId, FoundModel, HubFile, HubModel};

use super::*;

impl World {
    /// Follows downloads as the backend does.
    fn follow(&self) {
        tokio::spawn(self.app.follow_downloads());
    }

    async fn list(&self) -> Vec<Download> {
        serde_json::from_value(self.call("model_downloads", Value::Null).await.unwrap()).unwrap()
    }

    /// The file is on the disk, and the download says so.
    fn arrives(&self, download: &Download) {
        let path = Path::new(&download.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "model").unwrap();
        self.downloads.finish(&download.id);
    }

    async fn start(&self, request: Value) -> Download {
        serde_json::from_value(self.call("model_download_start", request).await.unwrap()).unwrap()
    }

    async fn until_downloads(&mut self, wanted: impl Fn(&[Download]) -> bool) {
        self.event(|event| matches!(event, Event::DownloadsChanged { downloads } if wanted(downloads))).await;
    }
}

#[tokio::test]
async fn the_catalogue_says_what_suits_the_machine() {
    let world = world();
    let list = world.call("model_catalogue", Value::Null).await.unwrap();
    let models = list["models"].as_array().unwrap();
    assert!(models.len() >= 15);
    let first = &models[0];
    assert_eq!(
        (&first["fit"], &first["recommended"], &first["role"]),
        (&json!("fits_well"), &json!(true), &json!("chat"))
    );
    // Four of eight gigabytes are free.
    let of = |id: &str| models.iter().find(|model| model["id"] == id).unwrap();
    assert_eq!(of("qwen3-14b")["fit"], "too_large");
    assert_eq!(of("qwen3-8b")["fit"], "tight");
    assert!(models.iter().all(|model| model["licence"].as_str().is_some_and(|licence| !licence.is_empty())));
    assert!(models.iter().all(|model| model["installed"].is_null() && model["download"].is_null()));
}

#[tokio::test]
async fn a_download_becomes_a_model_of_the_list() {
    let mut world = world();
    world.follow();
    let download = world.start(json!({ "catalogue_id": "qwen3-0.6b" })).await;
    assert_eq!((download.name.as_str(), download.repository.as_str()), ("Qwen3 0.6B", "Qwen/Qwen3-0.6B-GGUF"));
    world.until_downloads(|list| list.len() == 1).await;
    let listed = world.call("model_catalogue", Value::Null).await.unwrap();
    let of = |list: &Value| {
        list["models"].as_array().unwrap().iter().find(|one| one["id"] == "qwen3-0.6b").cloned().unwrap()
    };
    assert_eq!(of(&listed)["download"], json!(download.id));
    let activities = world.call("status", Value::Null).await.unwrap()["activities"].clone();
    assert_eq!((&activities[0]["kind"], &activities[0]["subject"]), (&json!("downloading"), &json!("Qwen3 0.6B")));

    world.arrives(&download);
    world.until_downloads(<[Download]>::is_empty).await;
    let models = world.call("model_list", Value::Null).await.unwrap();
    assert_eq!(models["models"][0]["spec"]["path"], json!(download.path));
    let listed = world.call("model_catalogue", Value::Null).await.unwrap();
    assert_eq!(of(&listed)["installed"], models["models"][0]["spec"]["id"]);
    assert_eq!(of(&listed)["download"], Value::Null);
}

#[tokio::test]
async fn a_download_that_was_complete_before_the_start_is_taken_in() {
    let mut world = world();
    let download = world.start(json!({ "repository": "owner/name", "file": "some-model.gguf" })).await;
    assert_eq!(download.name, "some-model");
    world.arrives(&download);
    world.follow();
    world.until_downloads(<[Download]>::is_empty).await;
    assert_eq!(world.call("model_list", Value::Null).await.unwrap()["models"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_no_model_stays_as_a_failure_until_it_is_cancelled() {
    let mut world = world();
    world.follow();
    let download = world.start(json!({ "repository": "owner/name", "file": "bad.gguf" })).await;
    world.arrives(&download);
    world.until_downloads(|list| list.iter().any(|one| one.state == DownloadState::Failed)).await;
    let problem = world.list().await[0].problem.clone().unwrap();
    assert!(problem.contains("this is not a model file"), "{problem}");
    assert_eq!(world.call("model_list", Value::Null).await.unwrap()["models"], json!([]));
    let shown = world.call("status", Value::Null).await.unwrap();
    assert_eq!(shown["activities"][0]["message"].as_str(), Some(problem.as_str()));
    let left = world.call("model_download_cancel", json!({ "id": download.id })).await.unwrap();
    assert_eq!(left, json!([]));
    world.until_downloads(<[Download]>::is_empty).await;
    assert_eq!(world.call("status", Value::Null).await.unwrap()["activities"], json!([]), "it is over");
}

#[tokio::test]
async fn downloads_are_paused_and_resumed_by_name() {
    let world = world();
    let download = world.start(json!({ "catalogue_id": "gemma-3-1b" })).await;
    let reference = json!({ "id": download.id });
    assert_eq!(world.call("model_download_pause", reference.clone()).await.unwrap()["state"], "paused");
    assert_eq!(world.call("model_download_resume", reference).await.unwrap()["state"], "running");
    for call in ["model_download_pause", "model_download_resume", "model_download_cancel"] {
        let error = world.call(call, json!({ "id": DownloadId::random() })).await.unwrap_err();
        assert_eq!((error.code, error.message.as_str()), (ErrorCode::NotFound, "There is no such download."), "{call}");
    }
}

#[tokio::test]
async fn only_files_that_are_models_are_fetched() {
    let world = world();
    for (request, wanted) in [
        (json!({}), "name a model"),
        (json!({ "catalogue_id": "qwen3-8b", "repository": "o/n", "file": "m.gguf" }), "name a model"),
        (json!({ "catalogue_id": "no-such" }), "no model named no-such"),
        (json!({ "repository": "o/n", "file": "pytorch_model.bin" }), "is not a GGUF file"),
        (json!({ "repository": "o/n", "file": "m-00001-of-00003.gguf" }), "one part of several"),
        (json!({ "repository": "../..", "file": "m.gguf" }), "no model on a hub"),
    ] {
        let error = world.call("model_download_start", request.clone()).await.unwrap_err();
        assert!(error.message.to_lowercase().contains(&wanted.to_lowercase()), "{request}: {}", error.message);
    }
    assert!(world.list().await.is_empty());
    // A file of the catalogue has the pins of the catalogue, however it is named.
    let download =
        world.start(json!({ "repository": "ggml-org/SmolLM3-3B-GGUF", "file": "SmolLM3-Q4_K_M.gguf" })).await;
    assert_eq!((download.name.as_str(), download.size), ("SmolLM3 3B", Some(1_915_305_312)));
}

#[tokio::test]
async fn the_hub_is_searched_and_its_files_are_judged() {
    let world = world();
    let model = HubModel { repository: "Qwen/Qwen3-GGUF".into(), downloads: 3, licence: None, gated: false };
    world.hub.models.lock().unwrap().push(model);
    let file = |path: &str, size| HubFile { path: path.into(), size: Some(size), sha256: None };
    let files =
        vec![file("big.gguf", 100 << 30), file("small.GGUF", 1 << 30), file("README.md", 1), file("mmproj-x.gguf", 1)];
    world.hub.files.lock().unwrap().insert("Qwen/Qwen3-GGUF".into(), files);
    let found = world.call("model_search_hub", json!({ "query": " qwen3 " })).await.unwrap();
    assert_eq!(found[0]["repository"], "Qwen/Qwen3-GGUF");
    let files = world.call("model_hub_files", json!({ "repository": "Qwen/Qwen3-GGUF" })).await.unwrap();
    let judged: Vec<(&str, &str)> = files
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["file"]["path"].as_str().unwrap(), one["fit"].as_str().unwrap()))
        .collect();
    assert_eq!(judged, [("small.GGUF", "fits_well"), ("big.gguf", "too_large")]);
    assert_eq!(world.call("model_search_hub", json!({ "query": " " })).await.unwrap_err().code, ErrorCode::Invalid);
    let error = world.call("model_hub_files", json!({ "repository": "no/such" })).await.unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (ErrorCode::NotFound, "The hub has no no/such."));
}

#[tokio::test]
async fn deleting_gives_back_what_was_downloaded_and_spares_what_was_not() {
    let world = world();
    world.choose_model(world.models.path()).await;
    let models = world.call("model_list", Value::Null).await.unwrap();
    let (id, path) = (models["models"][0]["spec"]["id"].clone(), models["models"][0]["spec"]["path"].clone());
    let error = world.call("model_delete", json!({ "id": id })).await.unwrap_err();
    assert!(error.hint.is_some_and(|hint| hint.contains("Remove the model from the list")), "{}", error.message);
    assert_eq!(world.call("model_list", Value::Null).await.unwrap()["models"].as_array().unwrap().len(), 1);

    world.folders.own.lock().unwrap().insert(path.as_str().unwrap().into(), 1234);
    let deleted = world.call("model_delete", json!({ "id": id })).await.unwrap();
    assert_eq!(deleted["reclaimed"], 1234);
    assert_eq!(world.call("model_list", Value::Null).await.unwrap()["models"], json!([]));
    assert_eq!(world.call("settings_get", Value::Null).await.unwrap()["chat_model"], Value::Null);
    assert!(world.folders.own.lock().unwrap().is_empty());
}

#[tokio::test]
async fn models_of_other_programs_are_shown_and_those_known_are_marked() {
    let world = world();
    let path = world.models.path().canonicalize().unwrap().join("model.gguf");
    std::fs::write(&path, "").unwrap();
    let path = path.display().to_string();
    let found =
        |path: &str| FoundModel { program: "Ollama".into(), name: "llama3.2:1b".into(), path: path.into(), size: 5 };
    *world.folders.found.lock().unwrap() = vec![found(&path), found("/elsewhere/x.gguf")];
    let before = world.call("model_folders_scan", Value::Null).await.unwrap();
    assert!(before.as_array().unwrap().iter().all(|one| one["model"].is_null()));
    let imported = world.call("model_import", json!({ "path": path })).await.unwrap();
    let after = world.call("model_folders_scan", Value::Null).await.unwrap();
    assert_eq!((&after[0]["model"], &after[1]["model"]), (&imported["spec"]["id"], &Value::Null));
}
