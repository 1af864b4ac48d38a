//! `model list | import | set`; what is set for one is in `configure.rs`, loading in `life.rs`, what is downloaded, found and deleted is in `download.rs`, other servers are in `endpoint.rs`.

use molt_api::{
    ModelConfigure, ModelImport as Import, ModelList, ModelRef, ModelSet as Set, ModelState, ModelView, Status,
};
use molt_core::{EngineTrial, ModelId, ModelRole, Settings};

use crate::{
    args::{self, Model, ModelImport, ModelSet},
    commands::{choose, configure, download, endpoint, life, tokenize},
    connect::Connection,
    failure::Failure,
    print::{Printer, one_line, size, table},
};

pub async fn run(connection: &Connection, printer: &Printer, model: Model) -> Result<(), Failure> {
    match model {
        Model::List => list(connection, printer).await,
        Model::Import(args) => import(connection, printer, args).await,
        Model::Set(args) => set(connection, printer, args).await,
        Model::Configure(args) => configure::configure(connection, printer, args).await,
        Model::Load(args) => life::load(connection, printer, &args.model).await,
        Model::Unload(args) => life::unload(connection, printer, &args.model).await,
        Model::Remove(args) => life::remove(connection, printer, &args.model).await,
        Model::Catalogue => download::catalogue(connection, printer).await,
        Model::Download(args) => download::download(connection, printer, args).await,
        Model::Downloads => download::list(connection, printer).await,
        Model::Pause(args) => download::pause(connection, printer, &args.download).await,
        Model::Resume(args) => download::resume(connection, printer, args).await,
        Model::Cancel(args) => download::cancel(connection, printer, &args.download).await,
        Model::Search(args) => download::search(connection, printer, &args.query.join(" ")).await,
        Model::Scan(args) => download::scan(connection, printer, args.import).await,
        Model::Benchmark(args) => benchmark(connection, printer, &args.model).await,
        Model::Delete(args) => download::delete(connection, printer, &args.model).await,
        Model::Tokenize(args) => tokenize::tokenize(printer, args).await,
        Model::Endpoint(args) => endpoint::run(connection, printer, args).await,
    }
}

async fn list(connection: &Connection, printer: &Printer) -> Result<(), Failure> {
    let list: ModelList = connection.call("model_list", ()).await?;
    if printer.json {
        return Ok(printer.value(&list)?);
    }
    if list.models.is_empty() {
        return Ok(printer.line(printer.words.no_models())?);
    }
    let status: Status = connection.call("status", ()).await?;
    let chosen = [status.chat_model, status.embedder, status.reranker].into_iter().flatten();
    let chosen: Vec<ModelId> = chosen.map(|model| model.spec.id).collect();
    let row = |model: &ModelView| {
        let spec = &model.spec;
        let mark = if chosen.contains(&spec.id) { "*" } else { " " };
        let state = printer.words.model_state(model.state);
        let place = spec.remote.as_ref().map_or_else(|| size(spec.size), |remote| remote.host.clone());
        let figures = life::figures(printer.words, model);
        let cells = [mark, &spec.name, printer.words.role(spec.role), &place, state, &figures, spec.id.as_str()];
        cells.map(str::to_owned).to_vec()
    };
    printer.line(table(&list.models.iter().map(row).collect::<Vec<_>>()))?;
    for model in list.models.iter().filter(|model| matches!(model.state, ModelState::Failed | ModelState::Missing)) {
        let problem = model.problem.clone().unwrap_or_default();
        printer.note(format!("{}: {problem}", one_line(&model.spec.name)));
    }
    Ok(())
}

async fn import(connection: &Connection, printer: &Printer, args: ModelImport) -> Result<(), Failure> {
    let path = std::path::absolute(&args.path).unwrap_or(args.path);
    let request = Import { path: path.to_string_lossy().into_owned() };
    let model: ModelView = connection.call("model_import", request).await?;
    if !printer.json {
        printer.line(printer.words.imported(one_line(&model.spec.name)))?;
    }
    if args.use_it {
        return choose_model(connection, printer, model.spec.role, Some(&model)).await;
    }
    if printer.json { Ok(printer.value(&model)?) } else { Ok(()) }
}

async fn set(connection: &Connection, printer: &Printer, args: ModelSet) -> Result<(), Failure> {
    if args.model == "none" {
        let role = match args.role {
            args::ModelRole::Chat => ModelRole::Chat,
            args::ModelRole::Embedder => ModelRole::Embedder,
            args::ModelRole::Reranker => ModelRole::Reranker,
        };
        return choose_model(connection, printer, role, None).await;
    }
    if args.model == "auto" {
        let settings: Settings = connection.call("settings_get", ()).await?;
        let settings = Settings { automatic_model: true, ..settings };
        let saved: Settings = connection.call("settings_set", settings).await?;
        return if printer.json {
            Ok(printer.value(&saved)?)
        } else {
            Ok(printer.line(printer.words.automatic_in_use())?)
        };
    }
    let list: ModelList = connection.call("model_list", ()).await?;
    let names = |model: &ModelView| (model.spec.id.to_string(), vec![model.spec.name.clone()]);
    let model = choose(&list.models, &args.model, printer, "moltworker model list", names)?;
    if let Some(engine) = args.engine {
        let request = ModelConfigure { id: model.spec.id.clone(), backend: configure::backend(engine), settings: None };
        connection.call::<ModelList>("model_configure", request).await?;
    }
    choose_model(connection, printer, model.spec.role, Some(model)).await
}

async fn benchmark(connection: &Connection, printer: &Printer, model: &str) -> Result<(), Failure> {
    let list: ModelList = connection.call("model_list", ()).await?;
    let names = |model: &ModelView| (model.spec.id.to_string(), vec![model.spec.name.clone()]);
    let id = choose(&list.models, model, printer, "moltworker model list", names)?.spec.id.clone();
    let list: ModelList = connection.call("model_benchmark", ModelRef { id: id.clone() }).await?;
    let Some(model) = list.models.into_iter().find(|model| model.spec.id == id) else { return Ok(()) };
    if printer.json {
        return Ok(printer.value(&model)?);
    }
    let trials = model.calibration.iter().flat_map(|calibration| &calibration.trials);
    let row = |trial: &EngineTrial| {
        let mark = if model.fastest == Some(trial.backend) { "*" } else { " " };
        vec![mark.to_owned(), printer.words.engine(trial.backend).to_owned(), printer.words.trial(&trial.outcome)]
    };
    Ok(printer.line(table(&trials.map(row).collect::<Vec<_>>()))?)
}

pub async fn choose_model(
    connection: &Connection,
    printer: &Printer,
    role: ModelRole,
    model: Option<&ModelView>,
) -> Result<(), Failure> {
    let request = Set { role, id: model.map(|model| model.spec.id.clone()) };
    let list: ModelList = connection.call("model_set", request).await?;
    if printer.json {
        return Ok(printer.value(&list)?);
    }
    Ok(printer.line(match model {
        Some(model) => printer.words.in_use(one_line(&model.spec.name)),
        None => printer.words.no_model_in_use(printer.words.role(role)),
    })?)
}
