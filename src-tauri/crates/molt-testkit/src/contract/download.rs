//! What every `ModelDownloads` promises.

use futures::StreamExt;
use molt_core::*;

async fn until(port: &dyn ModelDownloads, wanted: impl Fn(&[Download]) -> bool) -> Vec<Download> {
    let mut changes = port.changes();
    loop {
        let list = changes.next().await.expect("changes do not end before the port");
        if wanted(&list) {
            return list;
        }
    }
}

/// `request` must stay under way until `finish` is called, and then complete. The caller sets the deadline.
pub async fn model_downloads_contract(
    port: &dyn ModelDownloads,
    request: DownloadRequest,
    finish: impl AsyncFn(&DownloadId),
) {
    assert_eq!(port.list(), []);
    let unknown = DownloadId::random();
    assert_eq!(port.pause(&unknown).await, Err(DownloadError::Unknown));
    assert_eq!(port.resume(&unknown).await, Err(DownloadError::Unknown));
    assert_eq!(port.cancel(&unknown).await, Err(DownloadError::Unknown));
    assert_eq!(port.settle(&unknown, None).await, Err(DownloadError::Unknown));
    let outside = DownloadRequest { repository: "../..".into(), ..request.clone() };
    assert!(matches!(port.start(outside).await, Err(DownloadError::Invalid(_))));
    assert_eq!(port.list(), [], "what is refused leaves nothing");

    let id = port.start(request.clone()).await.unwrap().id;
    until(port, |list| list.len() == 1 && list[0].id == id).await;
    assert_eq!(port.start(request.clone()).await.unwrap().id, id, "the same files are one download");
    assert!(matches!(port.settle(&id, None).await, Err(DownloadError::Invalid(_))), "it is not complete");
    assert_eq!(port.pause(&id).await.unwrap().state, DownloadState::Paused);
    assert_eq!(port.pause(&id).await.unwrap().state, DownloadState::Paused);
    assert_ne!(port.resume(&id).await.unwrap().state, DownloadState::Paused);
    port.cancel(&id).await.unwrap();
    assert_eq!(port.list(), []);
    assert_eq!(port.cancel(&id).await, Err(DownloadError::Unknown));

    let again = port.start(request.clone()).await.unwrap().id;
    finish(&again).await;
    let list = until(port, |list| list.iter().any(|one| one.state == DownloadState::Done)).await;
    let place = port.place(&request.repository, &request.files).unwrap();
    assert_eq!((list[0].id.clone(), list[0].path.clone()), (again.clone(), place.to_string_lossy().into_owned()));
    assert_eq!(port.pause(&again).await.unwrap().state, DownloadState::Done, "there is nothing left to pause");
    port.settle(&again, Some("it is not a model".into())).await.unwrap();
    let refused = port.list().remove(0);
    assert_eq!(refused.state, DownloadState::Failed);
    assert!(refused.problem.is_some_and(|problem| problem.to_lowercase().contains("it is not a model")));
    port.cancel(&again).await.unwrap();
    assert_eq!(port.list(), []);
}
