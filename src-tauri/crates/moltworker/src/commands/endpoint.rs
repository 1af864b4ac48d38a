//! `model endpoint add | list | test | edit | remove`: models of other servers.

use molt_api::{
    Empty, EndpointAdd as Add, EndpointEdit as Edit, EndpointRef, EndpointTested, ModelList, ModelRef, ModelView,
};
use molt_core::{OfferedModel, Secret};

use crate::{
    args::{Endpoint, EndpointAdd, EndpointEdit},
    commands::choose,
    connect::Connection,
    failure::Failure,
    print::{Printer, one_line, short, table},
};

pub async fn run(connection: &Connection, printer: &Printer, endpoint: Endpoint) -> Result<(), Failure> {
    match endpoint {
        Endpoint::Add(args) => add(connection, printer, args).await,
        Endpoint::List => list(connection, printer).await,
        Endpoint::Test(args) => test(connection, printer, &args.model).await,
        Endpoint::Edit(args) => edit(connection, printer, args).await,
        Endpoint::Remove(args) => remove(connection, printer, &args.model).await,
    }
}

async fn add(connection: &Connection, printer: &Printer, args: EndpointAdd) -> Result<(), Failure> {
    // Not as an argument: other programs of this computer can read those.
    let key = if args.key { std::io::stdin().lines().next().transpose()?.map(Secret::new) } else { None };
    let Some(model) = args.model else {
        let request = EndpointRef { url: args.url.clone(), key };
        let offered: Vec<OfferedModel> = connection.call("model_endpoint_models", request).await?;
        if printer.json {
            return Ok(printer.value(&offered)?);
        }
        if offered.is_empty() {
            return Ok(printer.line(printer.words.nothing_offered())?);
        }
        printer.note(printer.words.offered(one_line(&args.url)));
        let context = |one: &OfferedModel| one.context_length.map(|length| length.to_string()).unwrap_or_default();
        let rows: Vec<_> = offered.iter().map(|one| vec![one.name.clone(), context(one)]).collect();
        return Ok(printer.line(table(&rows))?);
    };
    let request =
        Add { name: args.name, url: args.url, key, model, context_length: args.context, vision: false, tools: true };
    let added: ModelView = connection.call("model_endpoint_add", request).await?;
    if printer.json {
        return Ok(printer.value(&added)?);
    }
    Ok(printer.line(printer.words.endpoint_added(one_line(&added.spec.name)))?)
}

/// The models of other servers.
async fn endpoints(connection: &Connection) -> Result<Vec<ModelView>, Failure> {
    let list: ModelList = connection.call("model_list", ()).await?;
    Ok(list.models.into_iter().filter(|model| model.spec.remote.is_some()).collect())
}

async fn list(connection: &Connection, printer: &Printer) -> Result<(), Failure> {
    let found = endpoints(connection).await?;
    if printer.json {
        return Ok(printer.value(&found)?);
    }
    if found.is_empty() {
        return Ok(printer.line(printer.words.no_endpoints())?);
    }
    let row = |model: &ModelView| {
        let remote = model.spec.remote.as_ref();
        let of = |part: fn(&molt_core::RemoteModel) -> &str| remote.map(part).unwrap_or_default().to_owned();
        vec![
            short(model.spec.id.as_str()).to_owned(),
            model.spec.name.clone(),
            of(|remote| &remote.model),
            of(|remote| &remote.url),
        ]
    };
    Ok(printer.line(table(&found.iter().map(row).collect::<Vec<_>>()))?)
}

async fn test(connection: &Connection, printer: &Printer, wanted: &str) -> Result<(), Failure> {
    let model = named(connection, printer, wanted).await?;
    let tested: EndpointTested = connection.call("model_endpoint_test", ModelRef { id: model.spec.id }).await?;
    if printer.json {
        return Ok(printer.value(&tested)?);
    }
    let seconds = format!("{:.1}", tested.ms as f64 / 1000.0);
    Ok(printer.line(printer.words.endpoint_answers(one_line(&model.spec.name), seconds))?)
}

async fn edit(connection: &Connection, printer: &Printer, args: EndpointEdit) -> Result<(), Failure> {
    let model = named(connection, printer, &args.model).await?;
    let key = if args.key { std::io::stdin().lines().next().transpose()?.map(Secret::new) } else { None };
    let (url, called) = model.spec.remote.map(|remote| (remote.url, remote.model)).unwrap_or_default();
    let request = Edit {
        id: model.spec.id,
        name: args.name.unwrap_or(model.spec.name),
        url: args.url.unwrap_or(url),
        key,
        model: args.called.unwrap_or(called),
        context_length: args.context,
    };
    let edited: ModelView = connection.call("model_endpoint_edit", request).await?;
    if printer.json {
        return Ok(printer.value(&edited)?);
    }
    Ok(printer.line(printer.words.endpoint_edited(one_line(&edited.spec.name)))?)
}

/// The one that a person means.
async fn named(connection: &Connection, printer: &Printer, wanted: &str) -> Result<ModelView, Failure> {
    let found = endpoints(connection).await?;
    let names = |model: &ModelView| (model.spec.id.to_string(), vec![model.spec.name.clone()]);
    choose(&found, wanted, printer, "moltworker model endpoint list", names).cloned()
}

async fn remove(connection: &Connection, printer: &Printer, wanted: &str) -> Result<(), Failure> {
    let model = named(connection, printer, wanted).await?;
    let removed: Empty = connection.call("model_remove", ModelRef { id: model.spec.id.clone() }).await?;
    if printer.json {
        return Ok(printer.value(&removed)?);
    }
    Ok(printer.line(printer.words.endpoint_removed(one_line(&model.spec.name)))?)
}
