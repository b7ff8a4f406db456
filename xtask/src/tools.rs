//! What the tests need beside Rust, and how a fresh machine gets it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::{process, repository};

/// How long one package manager may take.
const DOWNLOAD: Duration = Duration::from_secs(15 * 60);

/// The oldest Node that runs the suites.
const NODE: u32 = 20;

/// What Python's suite is made of.
const REQUIREMENTS: &str = "tests/interop/python/requirements.txt";

/// Folders with npm packages that the tests need.
pub(crate) const NPM: &[&str] = &[
    "clients/typescript",
    "tests/interop",
    "tests/conformance",
    "tests/examples",
    "tests/browser",
    "benches/peers/node",
];

/// A program or font of the system.
struct Tool {
    /// For messages.
    what: &'static str,
    /// Whether it is here.
    here: fn() -> bool,
    /// Debian's package.
    package: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool { what: "Chromium (or its path in $CHROMIUM)", here: || chromium().is_some(), package: "chromium" },
    Tool { what: "fonts for Japanese", here: || has_font("CJK"), package: "fonts-noto-cjk" },
    Tool { what: "fonts for emoji", here: || has_font("Emoji"), package: "fonts-noto-color-emoji" },
    Tool { what: "strace", here: || on_path("strace").is_some(), package: "strace" },
    Tool { what: "valgrind", here: || on_path("valgrind").is_some(), package: "valgrind" },
    Tool { what: "Python 3.10 or newer with venv and pip", here: has_python, package: "python3-venv" },
    Tool { what: "pkg-config", here: || on_path("pkg-config").is_some(), package: "pkg-config" },
    // rust_socketio links it.
    Tool { what: "OpenSSL's headers", here: has_openssl, package: "libssl-dev" },
];

/// Installs what is missing, or says in one message what to install.
pub(crate) fn install() -> io::Result<()> {
    node()?;
    system()?;
    for folder in NPM {
        npm(Path::new(folder))?;
    }
    python_packages()
}

/// The Python that has the packages of its suite.
pub(crate) fn python() -> PathBuf {
    repository::scratch().join("python/bin/python")
}

/// Chromium, where it is.
pub(crate) fn chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(PathBuf::from(named)).filter(|path| path.is_file());
    }
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(on_path)
}

/// A program's path, if it is on the `PATH`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

fn has_font(part: &str) -> bool {
    let listed = Command::new("fc-list").stderr(Stdio::null()).output();
    listed.is_ok_and(|listed| String::from_utf8_lossy(&listed.stdout).contains(part))
}

fn has_python() -> bool {
    let asks = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
    succeeds(Command::new("python3").args(["-c", asks]))
}

fn has_openssl() -> bool {
    succeeds(Command::new("pkg-config").args(["--exists", "openssl"]))
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn node() -> io::Result<()> {
    let missing = || {
        io::Error::other(format!(
            "Node {NODE} or newer, with npm, is needed: nodejs.org, or your system's packages"
        ))
    };
    let version = Command::new("node").arg("--version").output().map_err(|_| missing())?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let major: u32 = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse().ok())
        .ok_or_else(missing)?;
    if major < NODE || on_path("npm").is_none() {
        return Err(missing());
    }
    Ok(())
}

fn system() -> io::Result<()> {
    let missing: Vec<&Tool> = TOOLS.iter().filter(|tool| !(tool.here)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    if let Some(prefix) = apt_may() {
        println!("installing {}", packages.join(", "));
        for arguments in
            [vec!["update"], [vec!["install", "-y", "--no-install-recommends"], packages.clone()].concat()]
        {
            let mut command = Command::new("env");
            command.args(["DEBIAN_FRONTEND=noninteractive"]).args(prefix).arg("apt-get").args(arguments);
            let done = process::run(command, &repository::scratch().join("logs/apt-get.log"), DOWNLOAD)?;
            if !done.success {
                return Err(io::Error::other(done.output));
            }
        }
    }
    let missing: Vec<&str> = missing.iter().filter(|tool| !(tool.here)()).map(|tool| tool.what).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "please install {}; on Debian: apt-get install {}",
        missing.join(", "),
        packages.join(" ")
    )))
}

/// What stands before `apt-get`, if it may be used without asking anybody.
fn apt_may() -> Option<&'static [&'static str]> {
    on_path("apt-get")?;
    let quiet = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()
    };
    let user = quiet("id", &["-u"])?;
    if user.stdout.trim_ascii() == b"0" {
        return Some(&[]);
    }
    quiet("sudo", &["-n", "true"]).filter(|sudo| sudo.status.success()).map(|_| ["sudo", "-n"].as_slice())
}

/// Installs Python's packages into an environment of their own, unless just these are there.
fn python_packages() -> io::Result<()> {
    let requirements = repository::root().join(REQUIREMENTS);
    let environment = repository::scratch().join("python");
    // A copy of what was installed, written last.
    let installed = environment.join("requirements.txt");
    let wanted = fs::read(&requirements)?;
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("installing the Python packages of {REQUIREMENTS}");
    let mut create = Command::new("python3");
    create.args(["-m", "venv", "--clear"]).arg(&environment);
    let mut install = Command::new(python());
    install.args(["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--requirement"]);
    install.arg(&requirements);
    for (command, name) in [(create, "venv"), (install, "pip")] {
        let done = process::run(command, &repository::scratch().join(format!("logs/{name}.log")), DOWNLOAD)?;
        if !done.success {
            return Err(io::Error::other(done.output));
        }
    }
    fs::write(installed, wanted)
}

/// Installs the packages of one folder as its lockfile says, unless just these are installed.
pub(crate) fn npm(folder: &Path) -> io::Result<()> {
    let folder = repository::root().join(folder);
    let lock = folder.join("package-lock.json");
    if !lock.is_file() {
        // The suite that lives there says so.
        return Ok(());
    }
    // npm writes this file after an installation, so a lockfile newer than it has not been installed.
    let installed = folder.join("node_modules/.package-lock.json");
    let time = |file: &Path| fs::metadata(file).and_then(|metadata| metadata.modified());
    if let (Ok(locked), Ok(installed)) = (time(&lock), time(&installed))
        && installed >= locked
    {
        return Ok(());
    }
    let name = folder.strip_prefix(repository::root()).unwrap_or(&folder).display().to_string();
    println!("installing the npm packages of {name}");
    let mut command = Command::new("npm");
    command.args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder);
    let log = repository::scratch().join(format!("logs/npm-{}.log", name.replace('/', "-")));
    let done = process::run(command, &log, DOWNLOAD)?;
    if done.success { Ok(()) } else { Err(io::Error::other(done.output)) }
}
