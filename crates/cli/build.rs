//! Lists the Switchboard's files, so that a file laid in the folder is served.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("assets");
    println!("cargo::rerun-if-changed=assets");
    let mut files = Vec::new();
    collect(&root, &root, &mut files);
    files.sort();
    let mut list = String::from("/// Every file but the page itself.\nconst FILES: &[File] = &[\n");
    for path in files {
        let kind = match path.rsplit_once('.').map(|(_, extension)| extension) {
            Some("css") => "CSS",
            Some("js") => "SCRIPT",
            Some("svg") => "SVG",
            _ => continue,
        };
        let file = root.join(&path);
        writeln!(
            list,
            "    ({:?}, {kind}, include_str!({:?})),",
            format!("/{path}"),
            file.display().to_string()
        )
        .expect("writing to a string");
    }
    list.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("switchboard_files.rs");
    fs::write(out, list).expect("the build folder is writable");
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("the assets are there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
            files.push(name);
        }
    }
}
