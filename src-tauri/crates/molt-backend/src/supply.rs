//! Where models come from: the hub, the folder that they are downloaded to, the catalogue, the folders of other programs.

use std::{fs, path::PathBuf, sync::Arc};

use jiff::{Timestamp, tz::TimeZone};
use molt_api::ModelSupply;
use molt_download::{BadConfig, DownloadConfig, Downloads, Folders, Hub, Places, RealDisk};
use molt_models::{CATALOGUE_KEY, Catalogue, CatalogueError};
use molt_os::DataDir;

/// A newer catalogue than the one that is compiled in, and its signature.
const CATALOGUE: &str = "catalogue.toml";
const SIGNATURE: &str = "catalogue.toml.sig";

/// Why models cannot be had. The text is one plain sentence.
#[derive(Debug, thiserror::Error)]
pub enum SupplyError {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error("{problem}; correct the variable {} or remove it", molt_download::HUB_VARIABLE)]
    Hub { problem: BadConfig },
}

/// Opens no connection; finds the downloads that are not complete.
pub fn open(data: &DataDir) -> Result<(ModelSupply, Downloads), SupplyError> {
    let disk = Arc::new(RealDisk { free_space: molt_os::free_space });
    let config = DownloadConfig::from_environment(data.models(), disk);
    let hub = Hub::new(&config).map_err(|problem| SupplyError::Hub { problem })?;
    let downloads = Downloads::open(config, hub.clone());
    let places = std::env::home_dir().map_or_else(Places::default, |home| Places::of_user(&home, variable));
    let supply = ModelSupply {
        catalogue: Arc::new(catalogue(data)?),
        downloads: Arc::new(downloads.clone()),
        hub: Arc::new(hub),
        folders: Arc::new(Folders::new(data.models(), places)),
    };
    Ok((supply, downloads))
}

/// The newest catalogue that can be trusted.
fn catalogue(data: &DataDir) -> Result<Catalogue, CatalogueError> {
    let bundled = Catalogue::bundled()?;
    let read = |name: &str| fs::read_to_string(data.root().join(name)).ok();
    let Some((text, signature)) = read(CATALOGUE).zip(read(SIGNATURE)) else { return Ok(bundled.clone()) };
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    Catalogue::signed(&text, &signature, &CATALOGUE_KEY, bundled, today).or_else(|error| {
        tracing::warn!(%error, "the newer catalogue is not used");
        Ok(bundled.clone())
    })
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
