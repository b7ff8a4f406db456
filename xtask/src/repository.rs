//! Where things are in this repository.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("xtask lies in the root of the repository").to_path_buf()
}

/// What tasks leave behind: logs, profiles, environments.
pub(crate) fn scratch() -> PathBuf {
    target().join("xtask")
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |named| root().join(named))
}

/// A program of ours that `cargo build --release` made.
pub(crate) fn release(name: &str) -> PathBuf {
    target().join("release").join(name)
}

/// Cargo itself, the one that runs this task.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The files that belong to the repository: tracked, or new and not ignored. Relative to its root.
pub(crate) fn files() -> io::Result<Vec<PathBuf>> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()?;
    if !listed.status.success() {
        return Err(io::Error::other(format!(
            "git ls-files: {}",
            String::from_utf8_lossy(&listed.stderr).trim()
        )));
    }
    let names = String::from_utf8(listed.stdout).map_err(io::Error::other)?;
    let mut files: Vec<PathBuf> =
        names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect();
    files.retain(|file| root().join(file).is_file());
    files.sort();
    files.dedup();
    Ok(files)
}
