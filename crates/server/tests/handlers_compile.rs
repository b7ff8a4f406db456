//! What is no handler and no event, and what the compiler says to those who write it.
//!
//! That nothing in `tests/ui` compiles is shown with every compiler; the wording is compared with rustc 1.95 only,
//! since each release words its errors anew.

use std::any::Any;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

#[test]
fn what_is_no_handler_and_no_event_is_explained() {
    if is_rustc_1_95() {
        trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
    } else {
        does_not_compile(Path::new("tests/ui"));
    }
}

/// Shows that no case compiles, whatever the compiler says: the cases are copied away from the wording, and what
/// trybuild says when it found none, and every case failed, is what is wanted.
fn does_not_compile(folder: &Path) {
    let copies = Path::new(env!("CARGO_TARGET_TMPDIR")).join("unworded");
    // Those of cases that are no more.
    fs::remove_dir_all(&copies).ok();
    fs::create_dir_all(&copies).expect("cargo made the folder above");
    let mut cases = 0;
    for file in fs::read_dir(folder).expect("the cases are there") {
        let file = file.expect("readable").path();
        if file.extension().is_some_and(|extension| extension == "rs") {
            let name = file.file_name().expect("it has an extension");
            fs::copy(&file, copies.join(name)).expect("a file in a folder of ours");
            cases += 1;
        }
    }
    assert!(cases > 0);
    let ran = catch_unwind(|| trybuild::TestCases::new().compile_fail(copies.join("*.rs")));
    // Where it puts the wording of those that have none.
    fs::remove_dir_all("wip").ok();
    let said = ran.expect_err("trybuild wants the wording");
    assert_eq!(text(&*said), format!("successfully created new stderr files for {cases} test cases"));
}

/// The message of a panic.
fn text(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref().copied()).unwrap_or_default()
}

fn is_rustc_1_95() -> bool {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = std::process::Command::new(rustc).arg("--version").output().expect("rustc runs");
    version.stdout.starts_with(b"rustc 1.95.")
}
