//! The walls of the house, checked in seconds and without a build.
//!
//! Owns the table of the floors and the rules for source files; docs/ARCHITECTURE.md explains both to people.

mod floors;
mod sources;

use anyhow::{Result, bail};

/// Prints every breach and fails when there is one.
pub fn run() -> Result<()> {
    let mut problems = floors::check()?;
    problems.extend(sources::check()?);
    for problem in &problems {
        eprintln!("tidy: {problem}");
    }
    if !problems.is_empty() {
        bail!("{} breaches of the house rules", problems.len());
    }
    println!("tidy: floors and sources are in order");
    Ok(())
}
