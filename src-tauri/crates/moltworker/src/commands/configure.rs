//! `model configure`: what a model runs with and how it answers.

use molt_api::{ModelConfigure as Configure, ModelList, ModelView};
use molt_core::{Backend, ModelSettings};

use crate::{
    args::{ModelConfigure, ModelEngine},
    commands::choose,
    connect::Connection,
    failure::Failure,
    print::{Printer, one_line, table},
};

/// The engine that was named.
pub fn backend(engine: ModelEngine) -> Option<Backend> {
    match engine {
        ModelEngine::Auto => None,
        ModelEngine::LlamaCpp => Some(Backend::LlamaCpp),
        ModelEngine::MistralRs => Some(Backend::MistralRs),
    }
}

/// Changes what is given, and shows what is set then.
pub async fn configure(connection: &Connection, printer: &Printer, args: ModelConfigure) -> Result<(), Failure> {
    let mut list: ModelList = connection.call("model_list", ()).await?;
    let names = |model: &ModelView| (model.spec.id.to_string(), vec![model.spec.name.clone()]);
    let id = choose(&list.models, &args.model, printer, "moltworker model list", names)?.spec.id.clone();
    let of = |list: &ModelList| list.models.iter().find(|model| model.spec.id == id).cloned();
    if let Some(ModelView { spec, .. }) = of(&list) {
        let old = if args.reset { ModelSettings::default() } else { spec.settings };
        let settings = ModelSettings {
            context: args.context.map_or(old.context, |context| context.0),
            temperature: args.temperature.map_or(old.temperature, |temperature| temperature.0),
            top_p: args.top_p.map_or(old.top_p, |top_p| top_p.0),
        };
        let old = if args.reset { None } else { spec.backend };
        let wanted = (args.engine.map_or(old, backend), settings);
        if wanted != (spec.backend, spec.settings) {
            let (backend, settings) = (wanted.0, Some(wanted.1));
            list = connection.call("model_configure", Configure { id: id.clone(), backend, settings }).await?;
        }
    }
    let Some(model) = of(&list) else {
        return Err(Failure::hinted(
            printer.words.none_matches(&args.model),
            printer.words.list_hint("moltworker model list"),
        ));
    };
    if printer.json {
        return Ok(printer.value(&model)?);
    }
    printer.line(one_line(&model.spec.name))?;
    Ok(printer.line(table(&rows(printer, &model)))?)
}

fn rows(printer: &Printer, model: &ModelView) -> Vec<Vec<String>> {
    let (words, settings) = (printer.words, &model.spec.settings);
    let usual = |text: String, is_set: bool| if is_set { text } else { words.as_usual(text) };
    let top_p = settings.top_p.unwrap_or(ModelSettings::USUAL_TOP_P);
    let engine = match model.spec.backend {
        Some(backend) => words.engine(backend).to_owned(),
        None => words.as_usual(model.backend.map_or("auto", |backend| words.engine(backend))),
    };
    let mut rows = vec![
        vec![words.setting_context(), usual(model.context.to_string(), settings.context.is_some())],
        vec![
            words.setting_temperature(),
            usual(settings.temperature.unwrap_or_default().to_string(), settings.temperature.is_some()),
        ],
        vec![words.setting_top_p(), usual(top_p.to_string(), settings.top_p.is_some())],
    ];
    if model.spec.remote.is_none() {
        rows.push(vec![words.setting_engine(), engine]);
    }
    rows
}
