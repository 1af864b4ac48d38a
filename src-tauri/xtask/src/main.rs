//! `cargo xtask`: the one entry for everything a developer or a continuous-integration machine does.
//!
//! Owns the order of the steps and what they need from the machine. It must not know the product: it only starts
//! programs, reads their output and looks at files.

mod app;
mod bench;
mod check;
mod dist;
mod node;
mod run;
mod setup;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
usage: cargo xtask COMMAND

  setup                install what building and testing need (system packages, npm packages, the test model)
  app                  set up, build, open the window; without a display start the web UI and print its address
  test [PART...]       set up and run the tests: all, or some of check, unit, integration, avx512, ui, cli,
                       keys, web, e2e, tasks, kill
  check                formatting, lints, floors, sizes, generated types, the UI's types, lints and translations
  tidy                 only the floors and the sizes: seconds, needs no build
  types                write the TypeScript types again from the Rust ones
  bench AREA           measure: engine, forms, app, tasks, folders or knowledge; --json FILE writes the figures too
  dist                 build the release binaries and the installers of this system

One target directory serves all of them: CARGO_TARGET_DIR, or moltworker/target in the user's cache folder.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        ["setup"] => setup::everything(),
        ["app", rest @ ..] => app::run(rest),
        ["test", parts @ ..] => test::run(parts),
        ["check"] => {
            setup::everything()?;
            check::run()
        }
        ["tidy"] => tidy::run(),
        ["types"] => {
            setup::everything()?;
            check::write_types()
        }
        ["bench", rest @ ..] => bench::run(rest),
        ["dist"] => dist::run(),
        [other, ..] => bail!("there is no command `{other}`\n\n{HELP}"),
    }
}
