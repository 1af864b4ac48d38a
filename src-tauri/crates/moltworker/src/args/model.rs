//! What can be typed about the settings and the life of one model, here or on another server.

use std::{path::PathBuf, str::FromStr};

use clap::{Args, ValueEnum};

use super::ModelEngine;

/// A model of the list.
#[derive(Debug, Args)]
pub struct ModelName {
    /// Its name, its id or the beginning of it
    pub model: String,
}

#[derive(Debug, Args)]
pub struct ModelConfigure {
    /// Its name, its id or the beginning of it
    pub model: String,
    /// How many tokens of a conversation it reads; auto for the usual number
    #[arg(long, value_name = "TOKENS", value_parser = setting::<u32>)]
    pub context: Option<Setting<u32>>,
    /// How freely it writes: 0 always takes the likeliest word, up to 2; auto is 0
    #[arg(long, value_name = "NUMBER", value_parser = setting::<f32>, allow_negative_numbers = true)]
    pub temperature: Option<Setting<f32>>,
    /// Above temperature 0, leaves out the least likely words: the share that stays, up to 1; auto is 0.95
    #[arg(long, value_name = "NUMBER", value_parser = setting::<f32>, allow_negative_numbers = true)]
    pub top_p: Option<Setting<f32>>,
    /// Of a folder with safetensors: how its weights are held; auto takes 8 bits where there is room for them, else 4
    #[arg(long, value_enum)]
    pub quantisation: Option<ModelQuantisation>,
    /// A file with the chat template (Jinja) that it is to be used with; none for its own
    #[arg(long, value_name = "FILE")]
    pub template: Option<PathBuf>,
    /// Run it with this engine
    #[arg(long, value_enum)]
    pub engine: Option<ModelEngine>,
    /// Back to the usual, before what else is given
    #[arg(long)]
    pub reset: bool,
}

#[derive(Debug, Args)]
pub struct EndpointEdit {
    /// Its name, its id or the beginning of it
    pub model: String,
    /// What it is called here
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The address, such as https://api.example.com/v1
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// What the server calls the model
    #[arg(long = "model", value_name = "MODEL")]
    pub called: Option<String>,
    /// Read another key from the standard input
    #[arg(long)]
    pub key: bool,
    /// How many tokens it reads
    #[arg(long, value_name = "TOKENS")]
    pub context: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModelQuantisation {
    Auto,
    Full,
    #[value(name = "8")]
    Eight,
    #[value(name = "4")]
    Four,
}

/// A value, or the usual one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting<T>(pub Option<T>);

fn setting<T: FromStr<Err: ToString>>(text: &str) -> Result<Setting<T>, String> {
    match text {
        "auto" => Ok(Setting(None)),
        number => number.parse().map(|number| Setting(Some(number))).map_err(|error: T::Err| error.to_string()),
    }
}
