//! `model configure`: what a model runs with and how it answers.

use std::{fs::File, io::Read, path::Path};

use molt_api::{ModelConfigure as Configure, ModelList, ModelView};
use molt_core::{Backend, ModelFormat, ModelRole, ModelSettings, Quantisation};

use crate::{
    args::{ModelConfigure, ModelEngine, ModelQuantisation},
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

/// The weights that were named.
fn quantisation(wanted: ModelQuantisation) -> Option<Quantisation> {
    match wanted {
        ModelQuantisation::Auto => None,
        ModelQuantisation::Full => Some(Quantisation::Full),
        ModelQuantisation::Eight => Some(Quantisation::EightBits),
        ModelQuantisation::Four => Some(Quantisation::FourBits),
    }
}

/// The text of a chat template.
fn template(file: &Path, printer: &Printer) -> Result<String, Failure> {
    let mut text = String::new();
    let read = File::open(file).and_then(|file| {
        // One byte more than is allowed: then it is refused for its length.
        file.take(ModelSettings::LONGEST_TEMPLATE as u64 + 1).read_to_string(&mut text)
    });
    match read {
        Ok(_) => Ok(text),
        Err(error) => Err(Failure::plain(printer.words.cannot_read(file.display(), error))),
    }
}

/// Changes what is given, and shows what is set then.
pub async fn configure(connection: &Connection, printer: &Printer, args: ModelConfigure) -> Result<(), Failure> {
    let mut list: ModelList = connection.call("model_list", ()).await?;
    let names = |model: &ModelView| (model.spec.id.to_string(), vec![model.spec.name.clone()]);
    let id = choose(&list.models, &args.model, printer, "moltworker model list", names)?.spec.id.clone();
    let of = |list: &ModelList| list.models.iter().find(|model| model.spec.id == id).cloned();
    if let Some(ModelView { spec, .. }) = of(&list) {
        let old = if args.reset { ModelSettings::default() } else { spec.settings.clone() };
        let settings = ModelSettings {
            context: args.context.map_or(old.context, |context| context.0),
            temperature: args.temperature.map_or(old.temperature, |temperature| temperature.0),
            top_p: args.top_p.map_or(old.top_p, |top_p| top_p.0),
            quantisation: args.quantisation.map_or(old.quantisation, quantisation),
            template: match &args.template {
                None => old.template,
                Some(none) if none.as_os_str() == "none" => None,
                Some(file) => Some(template(file, printer)?),
            },
        };
        let old = if args.reset { None } else { spec.backend };
        let backend = args.engine.map_or(old, backend);
        if (backend, &settings) != (spec.backend, &spec.settings) {
            let settings = Some(settings);
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
        if model.spec.role == ModelRole::Chat && model.spec.format == ModelFormat::Safetensors {
            rows.push(vec![
                words.setting_quantisation(),
                match settings.quantisation {
                    None => usual(words.quantisation_auto(), false),
                    Some(Quantisation::Full) => words.quantisation_full(),
                    Some(Quantisation::EightBits) => words.quantisation_bits(8),
                    Some(Quantisation::FourBits) => words.quantisation_bits(4),
                },
            ]);
        }
        let template = match &settings.template {
            None => usual(words.template_own(), false),
            Some(text) => words.template_given(text.chars().count()),
        };
        rows.push(vec![words.setting_template(), template]);
    }
    rows
}
